"""Results stream → evidence bucket and alerts."""

from typing import Any

from kinesight.domain.correlation import frame_keys
from kinesight.domain.evidence.keep_evidence import EvidenceReport, keep_batch
from kinesight.lambda_events import kinesis_records
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import keep_evidence as wiring


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Accepts a Kinesis batch; returns the records to be redelivered."""
    report = keep_batch(kinesis_records(event), wiring.ports(context.get_remaining_time_in_millis))
    _log_and_count(report)
    return {"batchItemFailures": [{"itemIdentifier": item_id} for item_id in report.failed_item_ids]}


def _log_and_count(report: EvidenceReport) -> None:
    for what, records in (("kept", report.kept), ("alerted", report.alerted)):
        for record in records:
            logger.info(what, **frame_keys(record.frame, record.result_id))
    for level, what, failures in (
        (logger.warning, "evidence no longer available", report.missing),
        (logger.error, "dead-lettered", report.dead_lettered),
        (logger.warning, "to be retried", report.retried),
    ):
        for failure in failures:
            level(
                what,
                **frame_keys(failure.frame, failure.result_id),
                sequence_number=failure.item_id,
                reason=repr(failure.error),
                exc_info=failure.error.__cause__,
            )
    count(Metric.FRAMES_KEPT, len(report.kept))
    count(Metric.FRAGMENTS_ARCHIVED, report.archived_fragments)
    count(Metric.BYTES_ARCHIVED, report.archived_bytes)
    count(Metric.EVIDENCE_MISSING, len(report.missing))
    count(Metric.ALERTS_SENT, report.alerts)
    count(Metric.RECORDS_DEAD_LETTERED, len(report.dead_lettered))
    count(Metric.RECORDS_RETRIED, len(report.retried))
