"""One window's pictures → detections → the results stream."""

from typing import Any

from kinesight.domain.detect_objects import detect_window
from kinesight.lambda_events import planned_window
from kinesight.observability import LambdaContext, logger, observed, tell_frames
from kinesight.wiring import detect_objects as wiring


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the plan and a window; answers with counts."""
    plan, window = planned_window(event)
    ports = wiring.ports(context.get_remaining_time_in_millis, tell_frames, plan.detector)
    report = detect_window(plan, window.index, ports, wiring.plan())
    logger.info(
        "detected",
        execution=plan.execution,
        window=window.index,
        published=len(report.published),
        analyzed_before=len(report.analyzed_before),
        failed=dict(report.failed),
    )
    return {"published": len(report.published), "failed": len(report.failed)}
