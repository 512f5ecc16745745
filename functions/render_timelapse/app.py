"""An execution's images → a video, as far as one invocation goes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kinesight.domain.on_demand.render_timelapse import render
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import render_timelapse as wiring
from kinesight.workflow_events import rendering


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the plan and the progress; returns the progress."""
    plan, progress = rendering(event)
    with TemporaryDirectory() as folder:
        reached = render(plan, progress, wiring.ports(Path(folder), context.get_remaining_time_in_millis))
    logger.info(
        "rendered",
        execution=plan.execution,
        stream_name=plan.stream_name,
        position=reached.position,
        done=reached.done,
    )
    count(Metric.TIMELAPSE_FRAMES, reached.position - progress.position)
    return reached.model_dump(mode="json", by_alias=True)
