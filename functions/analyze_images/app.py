"""Images queue → detections → results stream."""

from typing import Any

from kinesight.domain.analyze_images import BatchReport, analyze_batch
from kinesight.domain.frame_gate import Verdict
from kinesight.domain.model import to_epoch_ms
from kinesight.lambda_events import sqs_messages
from kinesight.observability import LambdaContext, count, logger, observed, tell_of_spending
from kinesight.wiring import analyze_images as wiring
from kinesight.wiring.spending import tally


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes an SQS batch; answers with the messages that are to come again."""
    report = analyze_batch(sqs_messages(event), wiring.ports(context.get_remaining_time_in_millis), wiring.plan())
    _tell(report)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in report.failed_message_ids]}


def _tell(report: BatchReport) -> None:
    for record in report.published:
        logger.info(
            "analyzed",
            result_id=record.result_id,
            stream_name=record.frame.stream_name,
            fragment_number=record.frame.fragment_number,
            image_epoch_ms=to_epoch_ms(record.frame.image_timestamp),
            matched_labels=record.matched_labels,
        )
    for key, reached in report.unpaid:
        logger.warning("held back by the budget", key=key, reason=str(reached))
    for problem in report.buried:
        logger.error("buried", message_id=problem.message_id, key=problem.subject, reason=repr(problem.error))
    for problem in report.retried:
        logger.warning(
            "to be retried",
            message_id=problem.message_id,
            key=problem.subject,
            reason=repr(problem.error),
            exc_info=problem.error.__cause__,
        )
    count("FramesAnalyzed", len(report.published))
    count("FramesMatched", sum(record.matched for record in report.published))
    count("DuplicateImages", report.duplicates)
    count("FramesGated", report.verdicts[Verdict.HELD_BACK])
    count("FramesWouldBeGated", report.verdicts[Verdict.WOULD_BE_HELD_BACK])
    count("GateFailedOpen", report.verdicts[Verdict.LET_THROUGH_UNSEEN])
    count("ImagesBuried", len(report.buried))
    count("ImagesRetried", len(report.retried))
    tell_of_spending(tally.drain())
