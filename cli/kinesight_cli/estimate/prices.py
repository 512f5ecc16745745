"""Reads the price file: USD by kind of use and Region, each with its source and date."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from kinesight.domain.detectors import catalogue
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kinesight_cli.shared.errors import CommandError

_BUILT_IN = Path(__file__).with_name("prices.json")

DETECTORS: Mapping[str, str] = {kind: one.price_key for kind, one in catalogue.DETECTORS.items()}
"""Price of each type of detector. Operations of one Rekognition group share their price tiers ("Amazon
Rekognition pricing")."""


class PricesError(CommandError):
    """The price file is invalid or incomplete."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Tier(_Document):
    """`usd` per unit, up to `up_to` units per month (None: unlimited)."""

    up_to: Annotated[float | None, Field(alias="upTo")]
    usd: float


class Price(_Document):
    """`usd` per unit, or `tiers`; neither if the price is unknown. `unverified`: without a reliable source."""

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
        """Price per unit of the first tier."""
        return self.tiers[0].usd if self.tiers else self.usd

    def usd_of(self, units: float) -> float | None:
        """Returns the cost of the units of one month, None if the price is unknown."""
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
    """Prices of one Region."""

    region: str
    by_key: Mapping[str, Price]

    def __getitem__(self, key: str) -> Price:
        return self.by_key[key]


def load_prices(region: str, own: Path | None = None) -> Prices:
    """Returns the prices of a Region; those of the file `own` override the built-in ones. Raises PricesError."""
    found: dict[str, dict[str, Price]] = {}
    for path in [_BUILT_IN, *([own] if own else [])]:
        for name, prices in _read(path).regions.items():
            found[name] = found.get(name, {}) | prices
    if region not in found:
        raise PricesError(
            f"no prices for {region}, only for {', '.join(found)}: write a file like {_BUILT_IN.name} and pass it with "
            "--prices (docs/cost.md)"
        )
    missing = _read(_BUILT_IN).regions["us-east-1"].keys() - found[region].keys()
    if missing:
        raise PricesError(
            f"the price file lacks prices for {region}: {', '.join(sorted(missing))}. Add them (docs/cost.md)"
        )
    return Prices(region, found[region])


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(json.loads(path.read_text()))
    except (OSError, ValueError, ValidationError) as error:
        raise PricesError(f"{path} is not a valid price file: {error}") from error
