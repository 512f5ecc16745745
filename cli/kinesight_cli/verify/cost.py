"""Estimates what one run costs, with the formulas and prices of `kinesight estimate`."""

from dataclasses import dataclass

from kinesight_cli.estimate.bill import Row
from kinesight_cli.estimate.estimator import estimator
from kinesight_cli.estimate.prices import HOME_REGION, built_in_regions, load_prices
from kinesight_cli.estimate.workload import MONTH_S, Workload
from kinesight_cli.verify.deployment import Deployment

_VIDEO_S = 30
_HOURS_PER_DAY = 24 * _VIDEO_S / MONTH_S


@dataclass(frozen=True, slots=True)
class Cost:
    """`usd` without the kinds of use in `unpriced`, whose price is unknown."""

    usd: float
    unpriced: tuple[str, ...]

    def __str__(self) -> str:
        note = f" (without {', '.join(self.unpriced)}: the price is unknown)" if self.unpriced else ""
        return f"about ${self.usd:.2f}{note}"


def estimated(deployment: Deployment, region: str) -> Cost:
    """Returns the cost of one run: all that the video adds to the month of an idle camera, if every image matches.

    The analysis of the same range on demand is counted as that of a notification.
    """
    parameters = {**deployment.parameters, "NotificationStatus": "ENABLED", "DailyBudgetUsd": ""}
    prices = load_prices(region if region in built_in_regions() else HOME_REGION)
    idle, used = (
        estimator(
            parameters,
            Workload(
                hours_per_day=hours,
                matched_share=1,
                chained_share=1,
                changed_share=1,
                notified_share=1,
                sessions_per_day=hours and 1 / 30,
            ),
            prices,
        ).bill()
        for hours in (0.0, _HOURS_PER_DAY)
    )
    unpriced = tuple(row.price.name for row in used.rows if row.usd is None)
    return Cost(sum(_added(row.usd, idle.row(row.key)) for row in used.rows), unpriced)


def _added(usd: float | None, idle: Row | None) -> float:
    """Returns what one kind of use costs more than idle; less of it, such as polls of empty queues, is no saving."""
    return max(0.0, (usd or 0.0) - ((idle.usd if idle else None) or 0.0))
