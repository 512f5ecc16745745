"""Results stream → sessions, events and alerts; each minute, what silence has ended."""

from typing import Any

from kinesight.domain.track_sessions import SessionReport, pass_time, track_batch
from kinesight.lambda_events import check_scheduled, kinesis_records
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import track_sessions as wiring


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes a Kinesis batch, or a scheduled event; answers with the records that are to come again."""
    ports = wiring.ports(context.get_remaining_time_in_millis)
    if "Records" in event:
        report = track_batch(kinesis_records(event), ports)
    else:
        check_scheduled(event)
        report = pass_time(ports)
    _tell(report)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in report.failed_sequence_numbers]}


def _tell(report: SessionReport) -> None:
    for failure in report.failures:
        logger.warning("to be retried", activity=failure.key, reason=repr(failure.error))
    for refusal in report.refusals:
        logger.error("given up", channel=refusal.channel, session=refusal.session_id, reason=repr(refusal.error))
    count(Metric.SESSIONS_OPENED, report.opened)
    count(Metric.SESSIONS_ENDED, report.ended)
    count(Metric.ALERTS_SENT, report.alerts)
    count(Metric.RECORDS_BURIED, report.buried)
    count(Metric.ACTIVITIES_RETRIED, len(report.failures))
    count(Metric.CHANNEL_REFUSALS, len(report.refusals))
