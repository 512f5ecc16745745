"""Results stream → evidence bucket and alerts."""

from typing import Any

from kinesight.domain.correlation import frame_keys
from kinesight.domain.evidence.keep_evidence import EvidenceReport, keep_batch
from kinesight.domain.model import ResultRecord
from kinesight.lambda_events import kinesis_records
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.wiring import keep_evidence as wiring


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes a Kinesis batch; answers with the records that are to come again."""
    report = keep_batch(kinesis_records(event), wiring.ports(context.get_remaining_time_in_millis))
    _tell(report)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in report.failed_sequence_numbers]}


def _tell(report: EvidenceReport) -> None:
    for what, records in (("kept", report.kept), ("alerted", report.alerted)):
        for record in records:
            logger.info(what, **frame_keys(record.frame, record.result_id))
    for level, what, setbacks in (
        (logger.warning, "evidence that can't be had any more", report.missing),
        (logger.error, "buried", report.buried),
        (logger.warning, "to be retried", report.retried),
    ):
        for setback in setbacks:
            level(
                what,
                **_record_keys(setback.record),
                sequence_number=setback.sequence_number,
                reason=repr(setback.error),
                exc_info=setback.error.__cause__,
            )
    count(Metric.FRAMES_KEPT, report.matched - len(report.retried))
    count(Metric.FRAGMENTS_ARCHIVED, report.archived_fragments)
    count(Metric.BYTES_ARCHIVED, report.archived_bytes)
    count(Metric.EVIDENCE_MISSING, len(report.missing))
    count(Metric.ALERTS_SENT, report.alerts)
    count(Metric.RECORDS_DEAD_LETTERED, len(report.buried))
    count(Metric.RECORDS_RETRIED, len(report.retried))


def _record_keys(record: ResultRecord | None) -> dict[str, Any]:
    return {} if record is None else frame_keys(record.frame, record.result_id)
