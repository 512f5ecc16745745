"""Notifications queue → bursts → executions of the on-demand workflow."""

from typing import Any

from kinesight.domain.correlation import correlation_id
from kinesight.domain.model import NotAnalyzed, from_epoch_ms
from kinesight.domain.on_demand.executions import stream_name_of
from kinesight.domain.on_demand.start_analysis import NOTIFIED, StartReport, start_analyses
from kinesight.lambda_events import sqs_messages
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import start_analysis as wiring


@observed
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Takes an SQS batch; returns the messages to be redelivered."""
    report = start_analyses(sqs_messages(event), wiring.ports(), wiring.settings())
    _log_and_count(report)
    return {"batchItemFailures": [{"itemIdentifier": item_id} for item_id in report.failed_item_ids]}


def _log_and_count(report: StartReport) -> None:
    for fragment in report.fragments:
        name = stream_name_of(fragment.stream_arn) or ""
        logger.info(
            "notified",
            correlation_id=correlation_id(name, fragment.fragment_number, from_epoch_ms(fragment.start_ms)),
            stream_name=name,
            fragment_number=fragment.fragment_number,
        )
    for fragment in report.without_detector:
        logger.info(
            NotAnalyzed.NO_DETECTOR,
            stream_name=stream_name_of(fragment.stream_arn),
            fragment_number=fragment.fragment_number,
        )
    for run in report.started:
        logger.info(
            "started",
            stream_name=stream_name_of(run.stream_arn),
            execution=run.execution_name(NOTIFIED),
            start_ms=run.start_ms,
            end_ms=run.end_ms,
        )
    for problem in report.dead_lettered:
        logger.error(
            "dead-lettered",
            message_id=problem.item_id,
            reason=repr(problem.error),
            exc_info=problem.error.__cause__,
        )
    for problem in report.retried:
        logger.warning(
            "to be retried",
            message_id=problem.item_id,
            reason=repr(problem.error),
            exc_info=problem.error.__cause__,
        )
    count(Metric.FRAGMENTS_NOTIFIED, len(report.fragments))
    count(Metric.ANALYSES_STARTED, len(report.started))
    count(Metric.NOTIFICATIONS_DEAD_LETTERED, len(report.dead_lettered))
    count(Metric.NOTIFICATIONS_RETRIED, len(report.retried))
