"""An execution's input → windows of GetImages requests."""

from typing import Any

from kinesight.domain.detectors.spend import Spend
from kinesight.domain.on_demand.messages import AnalysisRequest
from kinesight.domain.on_demand.plan_windows import plan_range
from kinesight.frame_metrics import emit_spend_metrics
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import plan_windows as wiring
from kinesight.workflow_events import workflow_start


@observed
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Takes the input and the execution's name; returns the plan."""
    execution, document = workflow_start(event)
    plan = plan_range(AnalysisRequest.parse(document), execution, wiring.ports())
    logger.info("planned", **plan.model_dump(mode="json", exclude={"seal_key"}))
    count(Metric.WINDOWS_PLANNED, plan.windows)
    if plan.over_budget:
        logger.warning("over budget", execution=execution, stream_name=plan.stream_name, images=plan.over_budget)
        emit_spend_metrics({(plan.stream_name, ""): Spend(stopped=plan.over_budget)}, lambda _: False)
    return plan.model_dump(mode="json", by_alias=True)
