"""Results stream → sessions, events and alerts; each minute, what silence has ended."""

from typing import Any

from kinesight.domain.track_sessions import SessionReport, pass_time, track_batch
from kinesight.lambda_events import check_scheduled, kinesis_records
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
    count("SessionsOpened", report.opened)
    count("SessionsEnded", report.ended)
    count("AlertsSent", report.alerts)
    count("RecordsBuried", report.buried)
    count("ActivitiesRetried", len(report.failures))
    count("ChannelRefusals", len(report.refusals))
