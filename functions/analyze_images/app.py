"""Images queue → detections → results stream."""

from typing import Any

from kinesight.domain.analysis.analyze_images import BatchReport, analyze_batch
from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.analysis.pipeline import FrameAnalysis
from kinesight.domain.batches import ItemFailure
from kinesight.domain.correlation import frame_keys
from kinesight.frame_metrics import emit_frame_metrics, emit_spend_metrics
from kinesight.lambda_events import sqs_messages
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import analyze_images as wiring


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes an SQS batch; returns the messages to be redelivered."""
    messages, ports = sqs_messages(event), wiring.ports(context.get_remaining_time_in_millis)
    analyses: list[FrameAnalysis] = []
    try:
        report = analyze_batch(messages, ports, wiring.settings(), analyses)
    finally:
        frames = FrameReport.of(analyses)
        emit_frame_metrics(frames.counts, wiring.has_stream_metrics)
        emit_spend_metrics(frames.spend, wiring.has_stream_metrics)
    _log_and_count(report)
    return {"batchItemFailures": [{"itemIdentifier": item_id} for item_id in report.failed_item_ids]}


def _problem_keys(problem: ItemFailure) -> dict[str, Any]:
    known = {"message_id": problem.item_id} | ({} if problem.subject is None else {"image_key": problem.subject})
    return known | frame_keys(problem.frame, problem.result_id)


def _log_and_count(report: BatchReport) -> None:
    for record in report.published:
        logger.info(
            "analyzed",
            **frame_keys(record.frame, record.result_id),
            matched=record.matched,
            matched_labels=record.matched_labels,
            labels=record.label_confidences,
        )
    for one in (*report.gated, *report.already_analyzed, *report.without_detector):
        logger.info(one.why_not_analyzed, **frame_keys(one.frame, one.identity))
    for one in report.over_budget:
        logger.warning("over budget", reason=str(one.over_budget), **frame_keys(one.frame, one.identity))
    for problem in report.dead_lettered:
        logger.error(
            "dead-lettered", reason=repr(problem.error), exc_info=problem.error.__cause__, **_problem_keys(problem)
        )
    for problem in report.retried:
        logger.warning(
            "to be retried",
            reason=repr(problem.error),
            exc_info=problem.error.__cause__,
            **_problem_keys(problem),
        )
    if report.of_others:
        logger.info("skipped objects that are no images of attached streams", objects=report.of_others)
    if report.delay_failure is not None:
        logger.warning("retried later than planned", reason=repr(report.delay_failure))
    count(Metric.IMAGES_DEAD_LETTERED, len(report.dead_lettered))
    count(Metric.IMAGES_RETRIED, len(report.retried))
