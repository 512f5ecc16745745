"""The schedule → leases for the selected streams, and as many consumers as they need."""

from dataclasses import asdict
from typing import Any

from kinesight.domain.conduct_live import conduct
from kinesight.lambda_events import check_scheduled
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import conduct_live as wiring


@observed
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Takes a scheduled event; answers with what was done."""
    check_scheduled(event)
    report = conduct(wiring.plan(), wiring.ports())
    told = asdict(report)
    logger.info("conducted", **told)
    for warning in report.warnings:
        logger.warning(warning)
    count("LiveStreams", report.streams)
    count("LiveConsumers", report.consumers)
    count("LiveConsumersStarted", report.started)
    return told
