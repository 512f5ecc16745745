"""Multiplies lines by prices: the cost of each kind of use, and what has no price."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kinesight_cli.estimate.lines import Line
from kinesight_cli.estimate.prices import AssumedTier, Price, Prices


@dataclass(frozen=True, slots=True)
class Row:
    """All lines of one price. `units` and `usd` are per month, of all cameras; `usd` is None without a price.

    `price_region`: the Region that the price is from. `assumed`: units of a tier whose price is unknown.
    """

    key: str
    price: Price
    units: float
    usd: float | None
    lines: tuple[Line, ...]
    price_region: str
    assumed: AssumedTier | None


@dataclass(frozen=True, slots=True)
class Bill:
    """Rows in descending order of cost; rows without a price are last."""

    rows: tuple[Row, ...]
    cameras: float

    @property
    def usd(self) -> float:
        """Cost per month of all cameras together, without rows that have no price."""
        return sum(row.usd or 0.0 for row in self.rows)

    @property
    def usd_per_camera(self) -> float:
        return self.usd / self.cameras

    def row(self, key: str) -> Row | None:
        """Returns the row of a price, None if nothing is charged at it."""
        return next((row for row in self.rows if row.key == key), None)

    def usd_of(self, *prefixes: str) -> float:
        """Returns the cost per camera of all prices with one of these prefixes."""
        return sum(row.usd or 0.0 for row in self.rows if row.key.startswith(prefixes)) / self.cameras


def bill_of(lines: Iterable[Line], prices: Prices, cameras: float) -> Bill:
    """Returns the bill. Price tiers apply to the use of this stack, as if the account had no other."""
    by_price: dict[str, list[Line]] = {}
    for line in lines:
        by_price.setdefault(line.price, []).append(line)
    rows = [_row(key, own, prices) for key, own in by_price.items()]
    return Bill(tuple(sorted(rows, key=lambda row: -1.0 if row.usd is None else row.usd, reverse=True)), cameras)


def _row(key: str, lines: Sequence[Line], prices: Prices) -> Row:
    units = sum(line.units for line in lines)
    price = prices[key]
    return Row(key, price, units, price.usd_of(units), tuple(lines), prices.region_of(key), price.assumed(units))
