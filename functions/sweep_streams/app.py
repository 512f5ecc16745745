"""The schedule → the on-demand workflow over every selected stream, since its checkpoint."""

from dataclasses import asdict
from typing import Any

from kinesight.domain.on_demand.sweep_streams import sweep
from kinesight.lambda_events import check_scheduled
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, measure, observed
from kinesight.wiring import sweep_streams as wiring


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes a scheduled event; returns what was done, counted by stream."""
    check_scheduled(event)
    report = sweep(wiring.settings(), wiring.ports(context.get_remaining_time_in_millis))
    result = asdict(report)
    logger.info("swept", **result)
    for warning in report.warnings:
        logger.warning(warning)
    count(Metric.SWEEPS_STARTED, report.started)
    count(Metric.SWEEPS_RESTARTED, report.started_again)
    count(Metric.STREAMS_NOT_SWEPT, report.failed + report.expired + report.given_up)
    measure(Metric.SWEEP_LAG_SECONDS, [report.lag_ms // 1000])
    return result
