"""Prices: USD by kind of use and Region, each with its source and date."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from kinesight.domain.detectors import catalogue
from pydantic import BaseModel, ConfigDict, Field

from kinesight_cli.shared.errors import CommandError

HOME_REGION = "us-east-1"
"""Has a price for every kind of use. Other Regions use it where they have none of their own."""
_HOME = Path(__file__).with_name("prices.json")
_REGIONAL = Path(__file__).with_name("regional_prices.json")

DETECTORS: Mapping[str, str] = {kind: one.price_key for kind, one in catalogue.DETECTORS.items()}
"""Price of each type of detector. Operations of one Rekognition group share their price tiers ("Amazon
Rekognition pricing")."""


class PricesError(CommandError):
    """A price file is invalid, or there are no prices of the Region."""


Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PriceDocument(BaseModel):
    """Base of what price files contain."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Tier(PriceDocument):
    """`usd` per unit, up to `up_to` units per month (None: unlimited). `usd` is None if the tier's price is unknown."""

    up_to: Annotated[float | None, Field(alias="upTo")]
    usd: Usd | None


class Price(PriceDocument):
    """`usd` per unit, or `tiers`; neither if the price is unknown. `unverified`: without a reliable source.

    `kind`: kind of the source. Only a page on which AWS states the price is an "AWS page".
    """

    name: str
    unit: str
    usd: Usd | None
    source: str
    kind: str
    as_of: Annotated[str, Field(alias="asOf")]
    unverified: bool = False
    note: str = ""
    tiers: tuple[Tier, ...] = ()

    @property
    def first_usd(self) -> float | None:
        """Price per unit of the first tier."""
        return self.tiers[0].usd if self.tiers else self.usd

    def usd_of(self, units: float) -> float | None:
        """Returns the cost of the units of one month, None if the price is unknown.

        A tier of unknown price is charged like the one before, so that the cost is too high rather than too low.
        """
        if not self.tiers:
            return None if self.usd is None else self.usd * units
        return sum(usd * count for usd, count, _ in self._charged(units))

    def assumed(self, units: float) -> "AssumedTier | None":
        """Returns the part of these units for which the price is unknown; None if there is none."""
        unknown = [(usd, count) for usd, count, is_known in self._charged(units) if count and not is_known]
        total = sum(count for _, count in unknown)
        return AssumedTier(units - total, total, unknown[0][0]) if unknown else None

    def _charged(self, units: float) -> list[tuple[float, float, bool]]:
        """Returns USD per unit, units, and whether that price is known, of each tier."""
        charged, below, usd = [], 0.0, 0.0
        for tier in self.tiers:
            end = units if tier.up_to is None else min(units, tier.up_to)
            usd = usd if tier.usd is None else tier.usd
            charged.append((usd, max(0.0, end - below), tier.usd is not None))
            below = max(below, end)
        return charged


@dataclass(frozen=True, slots=True)
class AssumedTier:
    """Units above `above` per month, whose price is unknown; they are charged at `usd` each, the price before."""

    above: float
    units: float
    usd: float


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of one Region. `borrowed`: keys without a price of this Region, which have that of us-east-1."""

    region: str
    by_key: Mapping[str, Price]
    borrowed: frozenset[str] = frozenset()

    def __getitem__(self, key: str) -> Price:
        return self.by_key[key]

    def region_of(self, key: str) -> str:
        """Returns the Region that the price is from."""
        return HOME_REGION if key in self.borrowed else self.region


def built_in_regions() -> list[str]:
    """Returns the Regions that have built-in prices."""
    return [HOME_REGION, *_regional()]


def load_prices(region: str, own: Path | None = None) -> Prices:
    """Returns the prices of a Region; those of the file `own` override the built-in ones. Raises PricesError."""
    from kinesight_cli.estimate.own_prices import read_own_prices

    found = {**_home(), **_regional().get(region, {})}
    ours = read_own_prices(own, found) if own else {}
    if region not in (*built_in_regions(), *ours):
        raise PricesError(
            f"no prices of the Region {region}: there are built-in prices of {', '.join(built_in_regions())}. Write "
            f"those of {region} with `kinesight estimate --region {region} --prices-sample > prices.yaml`, fill them "
            "in, and pass the file with --prices prices.yaml"
        )
    of_region = ours.get(region, {})
    known = {*_regional().get(region, {}), *of_region}
    borrowed = frozenset() if region == HOME_REGION else frozenset(found.keys() - known)
    return Prices(region, {**found, **of_region}, borrowed)


@cache
def _home() -> Mapping[str, Price]:
    prices = json.loads(_HOME.read_text())["regions"][HOME_REGION]
    return {key: Price.model_validate(one) for key, one in prices.items()}


@cache
def _regional() -> Mapping[str, Mapping[str, Price]]:
    """Returns the built-in prices of the other Regions; the file has them by source."""
    document = json.loads(_REGIONAL.read_text())
    return {
        region: {
            key: _regional_price(key, usd, document["sources"][source])
            for source, prices in by_source.items()
            for key, usd in prices.items()
        }
        for region, by_source in document["regions"].items()
    }


def _regional_price(key: str, usd: float, source: Mapping[str, Any]) -> Price:
    """A price that has tiers in us-east-1 is that of the first tier; the others are unknown."""
    home = _home()[key]
    tiers = (Tier(up_to=home.tiers[0].up_to, usd=usd), Tier(up_to=None, usd=None)) if home.tiers else ()
    return home.model_copy(
        update={
            "usd": None if tiers else usd,
            "tiers": tiers,
            "source": source["url"],
            "kind": source["kind"],
            "as_of": source["asOf"],
            "unverified": source.get("unverified", False),
            "note": source["note"],
        }
    )
