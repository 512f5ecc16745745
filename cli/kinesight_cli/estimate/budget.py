"""How many calls of detectors a daily budget allows (domain/detectors/budget.py)."""

from collections.abc import Mapping
from dataclasses import dataclass

from kinesight.domain.detectors import catalogue
from kinesight.domain.detectors.call_prices import MICRO_USD

from kinesight_cli.estimate.prices import DETECTORS
from kinesight_cli.estimate.settings import NO_DETECTOR, detector_type, own_usd_per_call

STACK, STREAM = "DailyBudgetUsd", "dailyBudgetUsd"
"""Limits of the stack and of each camera."""
_DAYS = 30


@dataclass(frozen=True, slots=True)
class Demand:
    """Calls per month without a budget: of Detector and of followUp.detector, of all cameras together."""

    calls: float
    chained: float
    cameras: float


@dataclass(frozen=True, slots=True)
class Budget:
    """`usd_a_day`: what all calls cost without a limit, by the prices of the budget; `limits` by name, USD a day of all
    cameras together."""

    usd_a_day: float
    limits: Mapping[str, float]

    @property
    def share(self) -> float:
        """The share of the calls that is made."""
        least = min(self.limits.values(), default=self.usd_a_day)
        return min(1.0, least / self.usd_a_day) if self.usd_a_day else 1.0


def budget_of(demand: Demand, parameters: Mapping[str, str]) -> Budget:
    """Returns the budget of these settings. `parameters`: as `flat_settings` returns them."""
    calls = {"Detector": demand.calls, "followUp.detector": demand.chained}
    usd = sum(count * usd_per_call(parameters[name], parameters) for name, count in calls.items())
    times = {STACK: 1.0, STREAM: demand.cameras}
    return Budget(
        usd / _DAYS, {name: float(parameters[name]) * many for name, many in times.items() if parameters[name]}
    )


def usd_per_call(detector: str, parameters: Mapping[str, str]) -> float:
    """Returns the price that the budget counts for a call; 0 for models that are paid by the hour or by token."""
    own = own_usd_per_call(parameters, detector)
    kind = detector_type(parameters, detector)
    if own is not None or kind == NO_DETECTOR:
        return own or 0.0
    by_image = DETECTORS[kind].startswith("rekognition.image")
    # Operations of Rekognition have one price, whatever their settings.
    return catalogue.DETECTORS[kind].price(None).most / MICRO_USD if by_image else 0.0
