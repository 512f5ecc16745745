"""What the figures of a bill leave out or assume."""

from collections.abc import Iterator

from kinesight_cli.estimate.bill import Bill, Row
from kinesight_cli.estimate.prices import AssumedTier

UNKNOWN = "unknown price"
"""Kind of remarks about tiers whose price is unknown."""


def remarks(bill: Bill, region: str) -> Iterator[tuple[str, str]]:
    """Yields (kind, text) of each remark about the prices. `region`: the Region of the estimate."""
    priced = [row for row in bill.rows if row.usd is not None]
    borrowed = [row for row in priced if row.price_region != region]
    if borrowed:
        names = ", ".join(row.price.name for row in borrowed)
        yield (
            f"prices of {borrowed[0].price_region}",
            f"{names}. Their prices in {region} are not known: pass them with --prices (--prices-sample prints a file "
            "to fill in)",
        )
    for row in priced:
        if row.assumed is not None:
            yield UNKNOWN, _unknown_tier(row, row.assumed)
        if row.price.unverified:
            yield "unverified price", f"{row.price.name}. {row.price.note}"
    for row in bill.rows:
        if row.usd is None:
            yield "not included", f"{row.price.name}. {row.price.note}"


def _unknown_tier(row: Row, assumed: AssumedTier) -> str:
    return (
        f"{row.price.name}, above {assumed.above:,.0f} a month. The estimate has {assumed.units:,.0f} at "
        f"${assumed.usd:g}, the price before, and is up to ${assumed.units * assumed.usd:,.2f} a month too high"
    )
