"""Session clips queue → evidence bucket: every fragment of an ended session."""

from typing import Any

from kinesight.domain.sessions.archive_session import ArchiveReport, archive_sessions
from kinesight.lambda_events import sqs_messages
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import archive_session as wiring


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Accepts an SQS batch; returns the messages to be redelivered."""
    report = archive_sessions(sqs_messages(event), wiring.ports(context.get_remaining_time_in_millis))
    _log_and_count(report)
    return {"batchItemFailures": [{"itemIdentifier": item_id} for item_id in report.failed_item_ids]}


def _log_and_count(report: ArchiveReport) -> None:
    for session, video in report.completed:
        logger.info(
            "archived",
            stream_name=session.stream_name,
            session_id=session.session_id,
            fragments=len(video.fragments),
            missing=sorted({one.reason for one in video.missing}),
        )
    for problem in report.dead_lettered:
        logger.error(
            "dead-lettered",
            message_id=problem.item_id,
            session_id=problem.subject,
            reason=repr(problem.error),
            exc_info=problem.error.__cause__,
        )
    for problem in report.retried:
        logger.warning(
            "to be retried",
            message_id=problem.item_id,
            session_id=problem.subject,
            reason=repr(problem.error),
            exc_info=problem.error.__cause__,
        )
    count(Metric.SESSION_FRAGMENTS_ARCHIVED, report.fragments)
    count(Metric.BYTES_ARCHIVED, report.archived_bytes)
    count(Metric.SESSION_CLIPS_COMPLETED, len(report.completed))
    count(Metric.SESSION_CLIPS_CONTINUED, report.continued)
    count(Metric.SESSION_CLIPS_DEAD_LETTERED, len(report.dead_lettered))
    count(Metric.SESSION_CLIPS_RETRIED, len(report.retried))
