"""A place among the live consumers → streams read until shortly before the time-out."""

from collections.abc import Mapping
from typing import Any

from kinesight.domain.analysis.frame_counts import FrameCounts
from kinesight.domain.analysis.pipeline import Analysis
from kinesight.domain.correlation import frame_keys
from kinesight.domain.live.consume_live import ConsumerReport, Ends, consume
from kinesight.frame_metrics import emit_frame_metrics, emit_spend_metrics
from kinesight.lambda_events import consumer_start
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed, emit_stream_metrics
from kinesight.wiring import consume_live as wiring
from kinesight.wiring.spending import tally

_ENDS = Ends()
_OF_STREAM = {
    "seen": Metric.LIVE_KEYFRAMES,
    "sampled": Metric.LIVE_SAMPLED,
    "shed": Metric.LIVE_DROPPED,
    "buried": Metric.LIVE_DEAD_LETTERED,
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
    """Takes the slot and the share of streams; answers with what was done, when the time is up."""
    slot, share = consumer_start(event)
    ports = wiring.ports(slot, _ENDS, context.get_remaining_time_in_millis, _tell_stream, _tell_frame)
    return _tell(consume(wiring.new_owner(slot), wiring.plan(share), ports, _ENDS))


def _tell_frame(one: Analysis) -> None:
    keys = frame_keys(one.frame, one.identity)
    if one.error is not None:
        logger.error("buried", reason=repr(one.error), subject=one.subject, **keys)
    elif one.over_budget is not None:
        logger.warning("held back by the budget", reason=str(one.over_budget), **keys)
    elif one.record is not None:
        logger.info("analyzed", matched=one.record.matched, matched_labels=one.record.matched_labels, **keys)
    else:
        logger.info("held back by the gate" if one.gated else "analyzed before", **keys)


def _tell_stream(stream_name: str, counted: Mapping[str, int], frames: FrameCounts) -> None:
    logger.info("read", stream_name=stream_name, counted=dict(counted))
    emit_frame_metrics({stream_name: frames})
    emit_stream_metrics(stream_name, {metric: [counted[name]] for name, metric in _OF_STREAM.items()})
    emit_spend_metrics(tally.drain())


def _tell(report: ConsumerReport) -> dict[str, Any]:
    for warning in [*report.warnings, *(one for counts in report.streams.values() for one in counts.warnings)]:
        logger.warning(warning)
    leases = {name: getattr(report, name) for name in _OF_LEASES}
    for name, metric in _OF_LEASES.items():
        count(metric, leases[name])
    emit_spend_metrics(tally.drain())
    return leases | {"streams": len(report.streams)}
