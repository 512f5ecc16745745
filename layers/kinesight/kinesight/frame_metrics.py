"""What became of frames, and what they cost, as metrics: for the functions that detect. The others need none of it."""

from collections.abc import Callable, Mapping

from kinesight.domain.analysis.frame_counts import FrameCounts, total
from kinesight.domain.detectors.call_prices import MICRO_USD
from kinesight.domain.detectors.budgeted_detector import Spend
from kinesight.metric_catalogue import Metric
from kinesight.observability import count_kinds, per_stream, emit_stream_metrics, write_metrics

OF_FRAMES: dict[str, Metric] = {
    "settled": Metric.FRAMES_IN,
    "analyzed": Metric.FRAMES_ANALYZED,
    "detected": Metric.FRAMES_DETECTED,
    "matched": Metric.FRAMES_MATCHED,
    "gated": Metric.FRAMES_GATED,
    "would_be_gated": Metric.FRAMES_WOULD_BE_GATED,
    "gate_failed_open": Metric.GATE_FAILED_OPEN,
    "known": Metric.DUPLICATE_IMAGES,
    "over_budget": Metric.FRAMES_OVER_BUDGET,
    "latencies_ms": Metric.DETECTOR_LATENCY,
    "ages_ms": Metric.FRAME_AGE,
}
"""Which metric a field of a FrameCounts is."""

_OF_BUDGET = "budget"

OF_SPENDING: Mapping[Metric, Callable[[Spend], int]] = {
    Metric.CALLS_PAID: lambda one: one.calls,
    Metric.CALLS_OVER_BUDGET: lambda one: one.slowed + one.stopped,
    Metric.BUDGET_SOFT_REACHED: lambda one: one.slowed,
    Metric.BUDGET_HARD_REACHED: lambda one: one.stopped,
    Metric.BUDGET_RESERVATION_FAILED: lambda one: one.unaccounted,
}
"""Which metric is what of a detector's Spend, beside EstimatedUsd."""


def emit_frame_metrics(tallies: Mapping[str, FrameCounts]) -> None:
    """What became of frames, by stream name; empty where the stream is not known."""
    for name, tally in _by_choice(tallies).items():
        emit_stream_metrics(name, {metric: _listed(getattr(tally, field)) for field, metric in OF_FRAMES.items()})
        count_kinds(Metric.DETECTOR_ERRORS, tally.detector_errors)


def emit_spend_metrics(spent: Mapping[tuple[str, str], Spend]) -> None:
    """What detectors cost, by stream and detector. All functions that detect are one service in it: they share a
    budget."""
    for (stream_name, detector), one in spent.items():
        place = {"StreamName": stream_name} if per_stream() else {}
        if one.micro_usd:
            usd = one.micro_usd / MICRO_USD
            write_metrics({Metric.ESTIMATED_USD: [usd]}, _OF_BUDGET, Kind=detector, **place)
    counts = {metric: sum(map(counted, spent.values())) for metric, counted in OF_SPENDING.items()}
    write_metrics({metric: [value] for metric, value in counts.items() if value}, _OF_BUDGET)


def _by_choice(tallies: Mapping[str, FrameCounts]) -> Mapping[str, FrameCounts]:
    """A document for each stream is needed only where each has metrics of its own."""
    return tallies if per_stream() else {"": total(list(tallies.values()))}


def _listed(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]
