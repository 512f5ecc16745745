"""The price file: USD by kind of use and Region, each with its source and date."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from kinesight.domain.detectors import catalogue
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_OWN = Path(__file__).with_name("prices.json")

DETECTORS: Mapping[str, str] = {kind: one.price_key for kind, one in catalogue.DETECTORS.items()}
"""By the parameter `Detector`, the price of its work. Rekognition's groups of operations have their tiers together
("Amazon Rekognition pricing")."""


class PricesError(Exception):
    """The price file can't be used; the message says what to do."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Tier(_Document):
    """`usd` a unit, up to so many units a month; None is without end."""

    up_to: Annotated[float | None, Field(alias="upTo")]
    usd: float


class Price(_Document):
    """`usd` a unit, or `tiers`; neither if nobody could say. `unverified`: no source that could be trusted."""

    name: str
    unit: str
    usd: float | None
    source: str
    kind: str
    as_of: Annotated[str, Field(alias="asOf")]
    unverified: bool = False
    note: str = ""
    tiers: tuple[Tier, ...] = ()

    @property
    def first_usd(self) -> float | None:
        """A unit's price as long as there are few."""
        return self.tiers[0].usd if self.tiers else self.usd

    def usd_of(self, units: float) -> float | None:
        """What so many units of one month cost."""
        if not self.tiers:
            return None if self.usd is None else self.usd * units
        total = below = 0.0
        for tier in self.tiers:
            end = units if tier.up_to is None else min(units, tier.up_to)
            total += max(0.0, end - below) * tier.usd
            below = max(below, end)
        return total


class _File(_Document):
    currency: str
    about: str
    regions: dict[str, dict[str, Price]]


@dataclass(frozen=True, slots=True)
class Prices:
    """Of one Region."""

    region: str
    by_key: Mapping[str, Price]

    def __getitem__(self, key: str) -> Price:
        return self.by_key[key]


def load_prices(region: str, own: Path | None = None) -> Prices:
    """The prices of a Region; those of the file `own` count before the built-in ones. Raises PricesError."""
    found: dict[str, dict[str, Price]] = {}
    for path in [_OWN, *([own] if own else [])]:
        for name, prices in _read(path).regions.items():
            found[name] = found.get(name, {}) | prices
    if region not in found:
        raise PricesError(
            f"there are no prices for {region}, only for {', '.join(found)}: write a file like {_OWN.name} and give it "
            "with --prices (docs/cost.md)"
        )
    missing = _read(_OWN).regions["us-east-1"].keys() - found[region].keys()
    if missing:
        raise PricesError(f"for {region} there is no price of {', '.join(sorted(missing))}: add them (docs/cost.md)")
    return Prices(region, found[region])


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(json.loads(path.read_text()))
    except (OSError, ValueError, ValidationError) as error:
        raise PricesError(f"{path} is no price file: {error}") from error
