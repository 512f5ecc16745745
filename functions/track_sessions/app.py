"""Results stream → sessions, session events and alerts; every minute, sessions that end by silence."""

from typing import Any

from kinesight.domain.sessions.alerts import session_correlation_id
from kinesight.domain.sessions.model import Session, SessionEventType, UndeliveredEvent
from kinesight.domain.sessions.track_sessions import SessionReport, pass_time, redeliver, track_batch
from kinesight.lambda_events import check_scheduled, kinesis_records
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import track_sessions as wiring

_MESSAGES = {
    SessionEventType.NEW: "session opened",
    SessionEventType.END: "session ended",
    SessionEventType.ALERT: "alerted",
}


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes a Kinesis batch, a change that `kinesight redrive` repeats, or a scheduled event; returns the records to be
    redelivered."""
    ports = wiring.ports(context.get_remaining_time_in_millis)
    if "Records" in event:
        report = track_batch(kinesis_records(event), ports)
    elif "undelivered" in event:
        report = redeliver(UndeliveredEvent.parse(event), ports)
    else:
        check_scheduled(event)
        report = pass_time(ports)
    _log_and_count(report)
    return {"batchItemFailures": [{"itemIdentifier": item_id} for item_id in report.failed_item_ids]}


def _log_and_count(report: SessionReport) -> None:
    for delivery in report.deliveries:
        if delivery.type is not SessionEventType.UPDATE:
            logger.info(_MESSAGES[delivery.type], channel=delivery.channel, **_session_keys(delivery.session))
    for level, what, failures in (
        (logger.error, "dead-lettered", report.dead_lettered),
        (logger.warning, "to be retried", report.retried),
    ):
        for failure in failures:
            level(
                what,
                state=failure.subject or failure.item_id,
                reason=repr(failure.error),
                exc_info=failure.error.__cause__,
            )
    for refusal in report.refusals:
        logger.error("given up", channel=refusal.channel, session_id=refusal.session_id, reason=repr(refusal.error))
    count(Metric.SESSIONS_OPENED, report.delivered(SessionEventType.NEW))
    count(Metric.SESSIONS_ENDED, report.delivered(SessionEventType.END))
    count(Metric.ALERTS_SENT, report.delivered(SessionEventType.ALERT))
    count(Metric.RECORDS_DEAD_LETTERED, len(report.dead_lettered))
    count(Metric.ACTIVITIES_RETRIED, len(report.retried))
    count(Metric.CHANNEL_REFUSALS, len(report.refusals))


def _session_keys(session: Session) -> dict[str, Any]:
    """Correlation keys of the session and of its best image."""
    return {
        "session_id": session.session_id,
        "stream_name": session.stream_name,
        "result_id": session.best.result_id,
        "fragment_number": session.best.fragment_number,
        "correlation_id": session_correlation_id(session),
    }
