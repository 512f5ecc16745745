"""The schedule → leases for the selected streams, and as many consumers as they need."""

from dataclasses import asdict, replace
from typing import Any

from kinesight.domain.live.conduct_live import conduct
from kinesight.lambda_events import check_scheduled
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, measure, observed
from kinesight.wiring import conduct_live as wiring


@observed
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Takes a scheduled event; returns what was done. Raises an error of one stream or slot after all others were
    changed, so that the function's alarm shows it."""
    check_scheduled(event)
    report = conduct(wiring.settings(), wiring.ports())
    result = asdict(replace(report, errors=[]))
    del result["errors"]
    logger.info("conducted", **result)
    for warning in report.warnings:
        logger.warning(warning)
    for error in report.errors:
        logger.warning("not conducted", reason=repr(error), exc_info=error.__cause__)
    measure(Metric.LIVE_STREAMS, [report.streams])
    measure(Metric.LIVE_CONSUMERS, [report.consumers])
    measure(Metric.LIVE_CONSUMERS_ACTIVE, [report.active])
    count(Metric.LIVE_CONSUMERS_STARTED, report.started)
    measure(Metric.LEASES_HELD, [sum(report.held)])
    measure(Metric.LEASES_PER_CONSUMER, report.held)
    measure(Metric.LEASE_SYNC_TIME, [report.sync_ms])
    count(Metric.LEASES_ADDED, report.added)
    count(Metric.LEASES_RETIRED, report.retired)
    if report.errors:
        raise report.errors[0]
    return result
