"""A place among the live consumers → streams read until shortly before the time-out."""

from collections.abc import Mapping
from typing import Any

from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.analysis.pipeline import FrameAnalysis
from kinesight.domain.correlation import frame_keys
from kinesight.domain.live.consume_live import Ends, consume
from kinesight.domain.live.leased_streams import ConsumerReport, LeaseChange
from kinesight.frame_metrics import emit_frame_metrics, emit_spend_metrics
from kinesight.lambda_events import consumer_start
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, emit_stream_metrics, logger, observed
from kinesight.wiring import consume_live as wiring

_ENDS = Ends()
_OF_STREAM = {
    "seen": Metric.LIVE_KEYFRAMES,
    "sampled": Metric.LIVE_SAMPLED,
    "dropped": Metric.LIVE_DROPPED,
    "dead_lettered": Metric.LIVE_DEAD_LETTERED,
    "retried": Metric.LIVE_RETRIED,
    "checkpoints": Metric.LIVE_CHECKPOINTS,
    "lag_ms": Metric.LIVE_LAG,
}
_OF_LEASES = {
    "taken": Metric.LEASES_TAKEN,
    "stolen": Metric.LEASES_STOLEN,
    "renewed": Metric.LEASES_RENEWED,
    "lost": Metric.LEASES_LOST,
    "released": Metric.LEASES_RELEASED,
}


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the slot; returns counts of leases when the time is up."""
    slot = consumer_start(event)
    ports = wiring.ports(slot, _ENDS, context.get_remaining_time_in_millis, _emit_stream, _log_frame, _log_lease)
    return _log_and_count(consume(wiring.new_owner(slot), wiring.settings(), ports, _ENDS))


def _log_frame(one: FrameAnalysis) -> None:
    keys = frame_keys(one.frame, one.identity)
    if one.error is not None:
        cause = one.error.__cause__
        logger.error("dead-lettered", reason=repr(one.error), subject=one.subject, exc_info=cause, **keys)
    elif one.over_budget is not None:
        logger.warning("over budget", reason=str(one.over_budget), **keys)
    elif one.record is not None:
        keys |= {"matched_labels": one.record.matched_labels, "labels": one.record.label_confidences}
        logger.info("analyzed", matched=one.record.matched, **keys)
    else:
        logger.info(one.why_not_analyzed, **keys)


def _log_lease(change: LeaseChange) -> None:
    logger.info(change.what, stream_name=change.stream_name, consumer=change.consumer, reason=change.reason)


def _emit_stream(stream_name: str, counted: Mapping[str, int], frames: FrameReport) -> None:
    logger.info("read", stream_name=stream_name, counted=dict(counted))
    own_name = stream_name if wiring.has_stream_metrics(stream_name) else ""
    emit_stream_metrics(own_name, {metric: [counted[name]] for name, metric in _OF_STREAM.items()})
    _emit_frames(frames)


def _emit_frames(frames: FrameReport) -> None:
    emit_frame_metrics(frames.counts, wiring.has_stream_metrics)
    emit_spend_metrics(frames.spend, wiring.has_stream_metrics)


def _log_and_count(report: ConsumerReport) -> dict[str, Any]:
    for warning in [*report.warnings, *(one for counts in report.streams.values() for one in counts.warnings)]:
        logger.warning(warning)
    leases = {name: getattr(report, name) for name in _OF_LEASES}
    for name, metric in _OF_LEASES.items():
        count(metric, leases[name])
    for counts in report.streams.values():
        # Fragments of a stream whose lease was lost may end after its last report.
        _emit_frames(counts.frames.take())
    return leases | {"streams": len(report.streams)}
