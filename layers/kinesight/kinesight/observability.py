"""Logger and metrics, and the one decorator that every handler wears."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from kinesight.domain.call_prices import MICRO_USD
from kinesight.domain.metering import Spending

NAMESPACE = "Kinesight"

logger = Logger()
metrics = Metrics(namespace=NAMESPACE)

Handler = Callable[[dict[str, Any], LambdaContext], Any]


def observed(handler: Handler) -> Handler:
    """Adds the request id to every log line, and flushes the metrics when the handler ends.

    An exception is logged once, here, and goes on to Lambda.
    """

    @logger.inject_lambda_context
    @metrics.log_metrics(capture_cold_start_metric=True, raise_on_empty_metrics=False)
    @wraps(handler)
    def wrapper(event: dict[str, Any], context: LambdaContext) -> Any:
        try:
            return handler(event, context)
        except Exception:  # the boundary: logged with its stack, then Lambda's own retry rules apply
            logger.exception("the handler failed")
            raise

    return cast(Handler, wrapper)


def count(name: str, value: int) -> None:
    """Adds to a counter of this invocation."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def tell_of_stream(stream_name: str, values: Mapping[str, int]) -> None:
    """Metrics of one stream, under the dimension StreamName; times end in `_ms`, all else are counts."""
    of_stream = EphemeralMetrics(namespace=NAMESPACE)
    of_stream.add_dimension("StreamName", stream_name)
    for name, value in values.items():
        unit = MetricUnit.Milliseconds if name.endswith("_ms") else MetricUnit.Count
        words = name.removesuffix("_ms").split("_")
        of_stream.add_metric(name="Live" + "".join(word.capitalize() for word in words), unit=unit, value=value)
    of_stream.flush_metrics()


_BUDGET_COUNTS: Mapping[str, Callable[[Spending], int]] = {
    "CallsPaid": lambda one: one.calls,
    "CallsHeldBack": lambda one: one.slowed + one.stopped,
    "BudgetSoftReached": lambda one: one.slowed,
    "BudgetHardReached": lambda one: one.stopped,
    "BudgetReservationFailed": lambda one: one.unaccounted,
}


def tell_of_spending(spent: Mapping[tuple[str, str], Spending]) -> None:
    """EstimatedUsd by StreamName and Detector; the counts of all that detect as one service, for alarms."""
    for (stream_name, detector), one in spent.items():
        if one.micro_usd:
            of_stream = EphemeralMetrics(namespace=NAMESPACE, service="budget")
            of_stream.add_dimension("StreamName", stream_name)
            of_stream.add_dimension("Detector", detector)
            of_stream.add_metric(name="EstimatedUsd", unit=MetricUnit.NoUnit, value=one.micro_usd / MICRO_USD)
            of_stream.flush_metrics()
    counts = {name: sum(map(counted, spent.values())) for name, counted in _BUDGET_COUNTS.items()}
    if any(counts.values()):
        of_all = EphemeralMetrics(namespace=NAMESPACE, service="budget")
        for name, value in counts.items():
            of_all.add_metric(name=name, unit=MetricUnit.Count, value=value)
        of_all.flush_metrics()


__all__ = ["LambdaContext", "count", "logger", "observed", "tell_of_spending", "tell_of_stream"]
