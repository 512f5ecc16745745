"""Logger and metrics, and the one decorator that every handler wears.

Metrics are documents on standard output, in CloudWatch's embedded metric format: they cost no call and no wait. A count
of 0 is not written: a metric is paid for every hour in which it has a value.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import Any, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from kinesight.domain.call_prices import MICRO_USD
from kinesight.domain.frame_tally import FrameTally, total
from kinesight.domain.metering import Spending
from kinesight.metric_catalogue import NAMESPACE, Metric, Unit
from kinesight.settings import ObservabilitySettings

logger = Logger()

Handler = Callable[[dict[str, Any], LambdaContext], Any]

OF_FRAMES: dict[str, Metric] = {
    "settled": Metric.FRAMES_IN,
    "analyzed": Metric.FRAMES_ANALYZED,
    "detected": Metric.FRAMES_DETECTED,
    "matched": Metric.FRAMES_MATCHED,
    "gated": Metric.FRAMES_GATED,
    "would_be_gated": Metric.FRAMES_WOULD_BE_GATED,
    "gate_failed_open": Metric.GATE_FAILED_OPEN,
    "known": Metric.DUPLICATE_IMAGES,
    "unpaid": Metric.FRAMES_UNPAID,
    "latencies_ms": Metric.DETECTOR_LATENCY,
    "ages_ms": Metric.FRAME_AGE,
}
"""Which metric a field of a FrameTally is."""

_OF_BUDGET = "budget"

OF_SPENDING: Mapping[Metric, Callable[[Spending], int]] = {
    Metric.CALLS_PAID: lambda one: one.calls,
    Metric.CALLS_HELD_BACK: lambda one: one.slowed + one.stopped,
    Metric.BUDGET_SOFT_REACHED: lambda one: one.slowed,
    Metric.BUDGET_HARD_REACHED: lambda one: one.stopped,
    Metric.BUDGET_RESERVATION_FAILED: lambda one: one.unaccounted,
}
"""Which metric is what of a detector's Spending, beside EstimatedUsd."""

_of_run: defaultdict[Metric, list[int]] = defaultdict(list)
"""What the present invocation has counted: there is one at a time in a process."""


def observed(handler: Handler) -> Handler:
    """Adds the request id to every log line, and writes the metrics when the handler ends.

    An exception is logged once, here, and goes on to Lambda.
    """

    @logger.inject_lambda_context
    @wraps(handler)
    def wrapper(event: dict[str, Any], context: LambdaContext) -> Any:
        try:
            return handler(event, context)
        except Exception:  # the boundary: logged with its stack, then Lambda's own retry rules apply
            logger.exception("the handler failed")
            raise
        finally:
            _write(_of_run)
            _of_run.clear()

    return cast(Handler, wrapper)


def count(metric: Metric, value: int) -> None:
    """Adds to a counter of this invocation."""
    if value:
        measure(metric, [value])


def measure(metric: Metric, values: Sequence[int]) -> None:
    """What was found in this invocation, zeros too, in the metric's own unit."""
    _of_run[metric] += values


def count_kinds(metric: Metric, kinds: Mapping[str, int]) -> None:
    """Counts of a metric that has a `split`, by kind: under `Kind`, and added up without it."""
    for kind, value in kinds.items():
        _write({metric: [value]}, Kind=kind)


def tell_frames(tallies: Mapping[str, FrameTally]) -> None:
    """What became of frames, by stream name; empty where the stream is not known."""
    for name, tally in _by_choice(tallies).items():
        tell_of_stream(name, {metric: _listed(getattr(tally, field)) for field, metric in OF_FRAMES.items()})
        count_kinds(Metric.DETECTOR_ERRORS, tally.detector_errors)


def tell_of_stream(stream_name: str, values: Mapping[Metric, Sequence[int]]) -> None:
    """Metrics of one stream: under StreamName too, where the stack is to have metrics per stream."""
    worth = {metric: listed for metric, listed in values.items() if any(listed) or metric.value.unit is not Unit.COUNT}
    if stream_name and _per_stream():
        _write(worth, StreamName=stream_name)
    else:
        _write(worth)


def tell_of_spending(spent: Mapping[tuple[str, str], Spending]) -> None:
    """What detectors cost, by stream and detector. All functions that detect are one service in it: they share a
    budget."""
    for (stream_name, detector), one in spent.items():
        place = {"StreamName": stream_name} if _per_stream() else {}
        if one.micro_usd:
            usd = one.micro_usd / MICRO_USD
            _write({Metric.ESTIMATED_USD: [usd]}, _OF_BUDGET, Kind=detector, **place)
    counts = {metric: sum(map(counted, spent.values())) for metric, counted in OF_SPENDING.items()}
    _write({metric: [value] for metric, value in counts.items() if value}, _OF_BUDGET)


def _by_choice(tallies: Mapping[str, FrameTally]) -> Mapping[str, FrameTally]:
    """A document for each stream is needed only where each has metrics of its own."""
    return tallies if _per_stream() else {"": total(list(tallies.values()))}


def _write(values: Mapping[Metric, Sequence[float]], service: str | None = None, **further: str) -> None:
    """One document, under the stack and the service, and under these with `further` dimensions besides. `service` is
    this function's own unless it is told."""
    stack = {"Stack": _settings().stack_name}
    document = EphemeralMetrics(namespace=NAMESPACE, service=service, default_dimensions=stack)
    if further:
        document.add_dimensions(service=service or _settings().powertools_service_name, **further)
    for metric, listed in values.items():
        for value in listed:
            document.add_metric(name=metric.value.name, unit=metric.value.unit, value=value)
    if document.metric_set:
        document.flush_metrics()


def _listed(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]


def _per_stream() -> bool:
    return _settings().metrics_per_stream == "ENABLED"


@cache
def _settings() -> ObservabilitySettings:
    return ObservabilitySettings.from_environment()


__all__ = [
    "LambdaContext",
    "count",
    "count_kinds",
    "logger",
    "measure",
    "observed",
    "tell_frames",
    "tell_of_spending",
    "tell_of_stream",
]
