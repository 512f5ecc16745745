"""Images queue → detections → results stream."""

from typing import Any

from kinesight.domain.analyze_images import BatchReport, analyze_batch
from kinesight.domain.model import to_epoch_ms
from kinesight.lambda_events import sqs_messages
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed, tell_frames
from kinesight.wiring import analyze_images as wiring


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes an SQS batch; answers with the messages that are to come again."""
    ports = wiring.ports(context.get_remaining_time_in_millis, tell_frames)
    report = analyze_batch(sqs_messages(event), ports, wiring.plan())
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
    count(Metric.IMAGES_BURIED, len(report.buried))
    count(Metric.IMAGES_RETRIED, len(report.retried))
