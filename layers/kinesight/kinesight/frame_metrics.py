"""Frames and spend as metrics, for the functions that detect. The others need none of it."""

from collections.abc import Callable, Mapping

from kinesight.domain.analysis.frame_report import FrameCounts, total
from kinesight.domain.detectors.call_prices import MICRO_USD
from kinesight.domain.detectors.spend import Spend
from kinesight.metric_catalogue import Metric
from kinesight.observability import count_kinds, emit_stream_metrics, write_metrics

OF_FRAMES: dict[str, Metric] = {
    "settled": Metric.FRAMES_IN,
    "analyzed": Metric.FRAMES_ANALYZED,
    "detected": Metric.FRAMES_DETECTED,
    "matched": Metric.FRAMES_MATCHED,
    "gated": Metric.FRAMES_GATED,
    "would_be_gated": Metric.FRAMES_WOULD_BE_GATED,
    "gate_failed_open": Metric.GATE_FAILED_OPEN,
    "duplicates": Metric.DUPLICATE_IMAGES,
    "over_budget": Metric.FRAMES_OVER_BUDGET,
    "dropped_rows": Metric.ROWS_DROPPED,
    "latencies_ms": Metric.DETECTOR_LATENCY,
    "ages_ms": Metric.FRAME_AGE,
}
"""The metric of each field of FrameCounts."""

HasOwnMetrics = Callable[[str], bool]
"""Whether the stream of a name has metrics under `StreamName`. Called for streams of analyzed frames only."""

_OF_BUDGET = "budget"

OF_SPEND: Mapping[Metric, Callable[[Spend], int]] = {
    Metric.CALLS_PAID: lambda one: one.calls,
    Metric.CALLS_OVER_BUDGET: lambda one: one.slowed + one.stopped,
    Metric.BUDGET_SOFT_REACHED: lambda one: one.slowed,
    Metric.BUDGET_HARD_REACHED: lambda one: one.stopped,
    Metric.BUDGET_RESERVATION_FAILED: lambda one: one.unaccounted,
}
"""What each metric counts of a detector's spend, besides EstimatedUsd."""


def emit_frame_metrics(counts: Mapping[str, FrameCounts], has_own: HasOwnMetrics) -> None:
    """Emits counts of frames by stream name; the name is empty where the stream is not known."""
    for stream_name, one in _by_choice(counts, has_own).items():
        values = {metric: _listed(getattr(one, field)) for field, metric in OF_FRAMES.items()}
        emit_stream_metrics(stream_name, values)
        count_kinds(Metric.DETECTOR_ERRORS, one.detector_errors)


def emit_spend_metrics(spend: Mapping[tuple[str, str], Spend], has_own: HasOwnMetrics) -> None:
    """Emits spend by stream and detector. All functions that detect are one service in it: they share a budget."""
    for (stream_name, detector), one in spend.items():
        if one.micro_usd:
            place = {"StreamName": stream_name} if stream_name and has_own(stream_name) else {}
            usd = one.micro_usd / MICRO_USD
            write_metrics({Metric.ESTIMATED_USD: [usd]}, _OF_BUDGET, Kind=detector, **place)
    counts = {metric: sum(map(counted, spend.values())) for metric, counted in OF_SPEND.items()}
    write_metrics({metric: [value] for metric, value in counts.items() if value}, _OF_BUDGET)


def _by_choice(counts: Mapping[str, FrameCounts], has_own: HasOwnMetrics) -> Mapping[str, FrameCounts]:
    """One document for all streams that have no metrics of their own, under an empty name."""
    own = {name: one for name, one in counts.items() if name and has_own(name)}
    others = [one for name, one in counts.items() if name not in own]
    return own | {"": total(others)} if others else own


def _listed(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]
