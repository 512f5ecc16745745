"""One window's images → detections → the results stream."""

from typing import Any

from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.analysis.pipeline import FrameAnalysis
from kinesight.domain.correlation import correlation_id
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.on_demand.detect_objects import detect_window
from kinesight.domain.on_demand.extract_images import image_key
from kinesight.domain.on_demand.messages import RangePlan, WindowReport
from kinesight.frame_metrics import emit_frame_metrics, emit_spend_metrics
from kinesight.observability import LambdaContext, logger, observed
from kinesight.wiring import detect_objects as wiring
from kinesight.workflow_events import planned_window


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the plan and a window; returns counts."""
    plan, window = planned_window(event)
    ports = wiring.ports(context.get_remaining_time_in_millis, plan.detector)
    analyses: list[FrameAnalysis] = []
    try:
        report = detect_window(plan, window.index, ports, wiring.settings(), analyses)
    finally:
        # A window that is retried has published and paid for what it analyzed.
        frames = FrameReport.of(analyses)
        emit_frame_metrics(frames.counts, wiring.has_stream_metrics)
        emit_spend_metrics(frames.spend, wiring.has_stream_metrics)
    _log_frames(plan, report)
    logger.info(
        "detected",
        execution=plan.execution,
        stream_name=plan.stream_name,
        window=window.index,
        published=len(report.published),
        already_analyzed=len(report.already_analyzed),
        over_budget=len(report.over_budget),
        failed=dict(report.failed),
    )
    return {"published": len(report.published), "failed": len(report.failed)}


def _log_frames(plan: RangePlan, report: WindowReport) -> None:
    keys: dict[str, Any] = {"execution": plan.execution, "stream_name": plan.stream_name}
    for at_ms, published in report.published.items():
        logger.info(
            "analyzed",
            result_id=published.result_id,
            correlation_id=correlation_id(plan.stream_name, published.fragment_number, from_epoch_ms(at_ms)),
            fragment_number=published.fragment_number,
            image_epoch_ms=at_ms,
            image_key=image_key(plan, at_ms),
            matched=published.matched,
            labels=dict(published.confidences),
            **keys,
        )
    for at_ms in report.already_analyzed:
        logger.info("already analyzed", image_epoch_ms=at_ms, image_key=image_key(plan, at_ms), **keys)
    for at_ms in report.over_budget:
        logger.warning("over budget", image_epoch_ms=at_ms, image_key=image_key(plan, at_ms), **keys)
    for at_ms, reason in report.failed.items():
        logger.error("given up", image_epoch_ms=at_ms, image_key=image_key(plan, at_ms), reason=reason, **keys)
