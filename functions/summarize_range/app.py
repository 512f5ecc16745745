"""All windows' reports → the execution's summary."""

from typing import Any

from kinesight.domain.on_demand.summarize_range import summarize
from kinesight.observability import LambdaContext, logger, observed
from kinesight.wiring import summarize_range as wiring
from kinesight.workflow_events import planned_range


@observed
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Takes the plan; returns the summary."""
    summary = summarize(planned_range(event), wiring.work(), wiring.evidence_bucket())
    logger.info("summarized", **summary.model_dump(mode="json"))
    return summary.model_dump(mode="json", by_alias=True)
