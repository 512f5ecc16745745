"""What became of frames, and what they cost, as metrics: for the functions that detect. The others need none of it."""

from collections.abc import Callable, Mapping

from kinesight.domain.analysis.frame_counts import FrameTally, total
from kinesight.domain.detectors.call_prices import MICRO_USD
from kinesight.domain.detectors.metered_detector import Spending
from kinesight.metric_catalogue import Metric
from kinesight.observability import count_kinds, per_stream, tell_of_stream, write_metrics

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


def tell_frames(tallies: Mapping[str, FrameTally]) -> None:
    """What became of frames, by stream name; empty where the stream is not known."""
    for name, tally in _by_choice(tallies).items():
        tell_of_stream(name, {metric: _listed(getattr(tally, field)) for field, metric in OF_FRAMES.items()})
        count_kinds(Metric.DETECTOR_ERRORS, tally.detector_errors)


def tell_of_spending(spent: Mapping[tuple[str, str], Spending]) -> None:
    """What detectors cost, by stream and detector. All functions that detect are one service in it: they share a
    budget."""
    for (stream_name, detector), one in spent.items():
        place = {"StreamName": stream_name} if per_stream() else {}
        if one.micro_usd:
            usd = one.micro_usd / MICRO_USD
            write_metrics({Metric.ESTIMATED_USD: [usd]}, _OF_BUDGET, Kind=detector, **place)
    counts = {metric: sum(map(counted, spent.values())) for metric, counted in OF_SPENDING.items()}
    write_metrics({metric: [value] for metric, value in counts.items() if value}, _OF_BUDGET)


def _by_choice(tallies: Mapping[str, FrameTally]) -> Mapping[str, FrameTally]:
    """A document for each stream is needed only where each has metrics of its own."""
    return tallies if per_stream() else {"": total(list(tallies.values()))}


def _listed(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]
