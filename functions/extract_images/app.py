"""One window → images in S3."""

from collections import Counter
from typing import Any

from kinesight.domain.on_demand.extract_images import extract_window
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, count_kinds, logger, observed
from kinesight.wiring import extract_images as wiring
from kinesight.workflow_events import planned_window


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the plan and a window; returns counts."""
    plan, window = planned_window(event)
    manifest = extract_window(plan, window, wiring.ports(context.get_remaining_time_in_millis))
    missing = Counter(manifest.missing.values())
    logger.info(
        "extracted",
        execution=plan.execution,
        stream_name=plan.stream_name,
        window=window.index,
        found=len(manifest.frames),
        missing=missing,
    )
    count(Metric.GET_IMAGES_SLOTS, len(manifest.frames) + len(manifest.missing))
    count_kinds(Metric.GET_IMAGES_ERRORS, manifest.refusals)
    count(Metric.IMAGES_EXTRACTED, len(manifest.frames))
    count(Metric.IMAGES_DECODED, manifest.decoded)
    count(Metric.IMAGES_MISSING, len(manifest.missing))
    return {"extracted": len(manifest.frames), "missing": dict(missing)}
