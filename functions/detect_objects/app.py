"""One window's pictures → detections → the results stream."""

from typing import Any

from kinesight.domain.detect_objects import detect_window
from kinesight.lambda_events import planned_window
from kinesight.observability import LambdaContext, count, logger, observed, tell_of_spending
from kinesight.wiring import detect_objects as wiring
from kinesight.wiring.spending import tally


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the plan and a window; answers with counts."""
    plan, window = planned_window(event)
    ports = wiring.ports(context.get_remaining_time_in_millis, plan.detector)
    try:
        report = detect_window(plan, window.index, ports, wiring.plan())
    finally:
        # A window that is to come again has paid for what it analyzed.
        tell_of_spending(tally.drain())
    logger.info(
        "detected",
        execution=plan.execution,
        window=window.index,
        published=len(report.published),
        analyzed_before=len(report.analyzed_before),
        held_back_by_budget=len(report.held_back_by_budget),
        failed=dict(report.failed),
    )
    count("FramesAnalyzed", len(report.published))
    count("FramesMatched", sum(frame.matched for frame in report.published.values()))
    count("DuplicateImages", len(report.analyzed_before))
    return {"published": len(report.published), "failed": len(report.failed)}
