"""Lines × prices: what each kind of use costs, and what could not be priced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kinesight_cli.cost.lines import Line
from kinesight_cli.cost.prices import Price, Prices


@dataclass(frozen=True, slots=True)
class Row:
    """All lines of one price: `units` and `usd` a month, of all cameras together; `usd` None if there is no price."""

    key: str
    price: Price
    units: float
    usd: float | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """The largest row first, those without a price last."""

    rows: tuple[Row, ...]
    cameras: float

    @property
    def usd(self) -> float:
        """A month, of all cameras together, without what has no price."""
        return sum(row.usd or 0.0 for row in self.rows)

    @property
    def usd_per_camera(self) -> float:
        return self.usd / self.cameras

    def usd_of(self, *prefixes: str) -> float:
        """Per camera, of all prices that begin so."""
        return sum(row.usd or 0.0 for row in self.rows if row.key.startswith(prefixes)) / self.cameras


def bill_of(lines: Iterable[Line], prices: Prices, cameras: float) -> Bill:
    """Tiers are those of the whole stack's use, as if the account had no other."""
    by_price: dict[str, list[Line]] = {}
    for line in lines:
        by_price.setdefault(line.price, []).append(line)
    rows = [_row(key, own, prices) for key, own in by_price.items()]
    return Bill(tuple(sorted(rows, key=lambda row: -1.0 if row.usd is None else row.usd, reverse=True)), cameras)


def _row(key: str, lines: Sequence[Line], prices: Prices) -> Row:
    units = sum(line.units for line in lines)
    return Row(key, prices[key], units, prices[key].usd_of(units), tuple(lines))
