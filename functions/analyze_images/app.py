"""Images queue → detections → results stream."""

from typing import Any

from kinesight.domain.analysis.analyze_images import BatchReport, analyze_batch
from kinesight.domain.batches import Problem
from kinesight.domain.correlation import frame_keys
from kinesight.frame_metrics import emit_frame_metrics, emit_spend_metrics
from kinesight.lambda_events import sqs_messages
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import analyze_images as wiring
from kinesight.wiring.spending import tally


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes an SQS batch; answers with the messages that are to come again."""
    ports = wiring.ports(context.get_remaining_time_in_millis, emit_frame_metrics)
    report = analyze_batch(sqs_messages(event), ports, wiring.plan())
    _tell(report)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in report.failed_message_ids]}


def _problem_keys(problem: Problem) -> dict[str, Any]:
    known = {"message_id": problem.message_id} | ({} if problem.subject is None else {"image_key": problem.subject})
    return known | frame_keys(problem.frame, problem.result_id)


def _tell(report: BatchReport) -> None:
    for record in report.published:
        logger.info(
            "analyzed",
            **frame_keys(record.frame, record.result_id),
            matched=record.matched,
            matched_labels=record.matched_labels,
        )
    for one in report.gated:
        logger.info("held back by the gate", **frame_keys(one.frame, one.identity))
    for one in report.already_analyzed:
        logger.info("analyzed before", **frame_keys(one.frame, one.identity))
    for one in report.over_budget:
        logger.warning("held back by the budget", reason=str(one.over_budget), **frame_keys(one.frame, one.identity))
    for problem in report.buried:
        logger.error("buried", reason=repr(problem.error), **_problem_keys(problem))
    for problem in report.retried:
        logger.warning(
            "to be retried",
            reason=repr(problem.error),
            exc_info=problem.error.__cause__,
            **_problem_keys(problem),
        )
    count(Metric.IMAGES_DEAD_LETTERED, len(report.buried))
    count(Metric.IMAGES_RETRIED, len(report.retried))
    emit_spend_metrics(tally.drain())
