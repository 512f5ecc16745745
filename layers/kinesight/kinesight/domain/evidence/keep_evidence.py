"""keep_evidence: stores the evidence of every matched record of the results stream, and sends alerts.

Per matched record, idempotently: the record as JSON, its fragment (fetched once for all matched frames), the annotated
image, and an alert if alerts are per image. The alert is last, so that its links already work.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pydantic import ValidationError

from kinesight.domain.analysis.result_records import archive_key, evidence_keys
from kinesight.domain.batches import FailedItems, ItemFailure, StreamedRecord, run_safely
from kinesight.domain.errors import (
    EvidenceGoneError,
    InvalidEventError,
    KinesightError,
    PermanentError,
)
from kinesight.domain.evidence.image_alerts import alert_for
from kinesight.domain.evidence.ports import Annotator
from kinesight.domain.model import ResultRecord
from kinesight.domain.ports import (
    AlertChannel,
    DeadLetters,
    EvidenceStore,
    FragmentArchive,
    FragmentMedia,
    ImageStore,
    Ledger,
)

_STREAMS_AT_ONCE = 4  # a fragment of 50 MB is held twice while it is archived; the function has 1 GB
_TASKS_AT_ONCE = 8  # four small AWS calls each; more threads gain nothing on a one-vCPU function


@dataclass(frozen=True, slots=True)
class EvidencePorts:
    """Ports of this verb. `alerts` is None if alerts are per session."""

    images: ImageStore
    fragments: FragmentArchive
    store: EvidenceStore
    annotator: Annotator
    alerts: AlertChannel | None
    ledger: Ledger
    dead_letters: DeadLetters


@dataclass(slots=True)
class EvidenceReport(FailedItems):
    """Result of a batch.

    `missing` is evidence that is no longer available (an expired fragment, a deleted image); the rest was stored.
    `alerted` are the records whose alerts were sent by this call.
    """

    matched: int = 0
    archived_fragments: int = 0
    archived_bytes: int = 0
    kept: list[ResultRecord] = field(default_factory=list)
    alerted: list[ResultRecord] = field(default_factory=list)
    missing: list[ItemFailure] = field(default_factory=list)

    @property
    def alerts(self) -> int:
        return len(self.alerted)


@dataclass(slots=True)
class _EvidenceTask:
    """Evidence of one matched record: missing parts, and the error that stopped it."""

    streamed: StreamedRecord
    record: ResultRecord
    missing: list[PermanentError] = field(default_factory=list)
    error: KinesightError | None = None
    alerted: bool = False

    def failure(self, error: KinesightError) -> ItemFailure:
        number = self.streamed.sequence_number
        return ItemFailure(number, error, frame=self.record.frame, result_id=self.record.result_id)


def keep_batch(batch: Sequence[StreamedRecord], ports: EvidencePorts) -> EvidenceReport:
    """Stores the evidence of a batch. Errors of single records are in the report; none is raised."""
    report = EvidenceReport()
    tasks = [task for streamed in batch if (task := _task_of(streamed, ports.dead_letters, report)) is not None]
    report.matched = len(tasks)
    with ThreadPoolExecutor(max_workers=_STREAMS_AT_ONCE) as pool:
        archived = pool.map(lambda one: _archive_fragments(one[0], one[1], ports), _by_stream(tasks).items())
        sizes = [size for of_stream in archived for size in of_stream]
    report.archived_fragments, report.archived_bytes = len(sizes), sum(sizes)
    with ThreadPoolExecutor(max_workers=_TASKS_AT_ONCE) as pool:
        list(pool.map(lambda task: _keep_safely(task, ports), tasks))
    for task in tasks:
        _settle(task, ports.dead_letters, report)
    return report


def _task_of(streamed: StreamedRecord, dead_letters: DeadLetters, report: EvidenceReport) -> _EvidenceTask | None:
    """Returns the task of a matched record; None for a record that did not match or is invalid (dead-lettered)."""
    try:
        record = ResultRecord.model_validate_json(streamed.data)
    except ValidationError as error:
        problem = InvalidEventError(f"not a result record: {error.error_count()} problems, first: {error.errors()[0]}")
        report.dead_letter(streamed.body, dead_letters, ItemFailure(streamed.sequence_number, problem))
        return None
    return _EvidenceTask(streamed, record) if record.matched else None


def _by_stream(tasks: Sequence[_EvidenceTask]) -> dict[str, dict[str, list[_EvidenceTask]]]:
    """Returns stream name → fragment number → tasks with frames of that fragment."""
    grouped: dict[str, dict[str, list[_EvidenceTask]]] = {}
    for task in tasks:
        frame = task.record.frame
        if frame.fragment_number is not None:
            grouped.setdefault(frame.stream_name, {}).setdefault(frame.fragment_number, []).append(task)
    return grouped


def _archive_fragments(stream_name: str, sharing: dict[str, list[_EvidenceTask]], ports: EvidencePorts) -> list[int]:
    """Archives missing fragments, one fetch per fragment; returns the size in bytes of each object written."""
    sizes: list[int] = []
    waiting = set(sharing)
    try:
        waiting = {number for number in sharing if not ports.store.exists(archive_key(stream_name, number))}
        for media in ports.fragments.fetch(stream_name, sorted(waiting)) if waiting else ():
            if isinstance(media, FragmentMedia):
                key = archive_key(stream_name, media.fragment_number)
                if ports.store.write_once(key, media.matroska, "video/x-matroska"):
                    sizes.append(len(media.matroska))
            else:
                gone = EvidenceGoneError(f"fragment {media.fragment_number}: {media.reason}")
                for task in sharing[media.fragment_number]:
                    task.missing.append(gone)
            waiting.discard(media.fragment_number)
    except KinesightError as error:
        for task in (task for number in waiting for task in sharing[number]):
            task.error = error
    return sizes


def _keep_safely(task: _EvidenceTask, ports: EvidencePorts) -> None:
    if task.error is None:
        task.error = run_safely(lambda: _keep(task, ports))


def _keep(task: _EvidenceTask, ports: EvidencePorts) -> None:
    keys = evidence_keys(task.record)
    ports.store.write_once(keys.result, task.streamed.data, "application/json")
    if not ports.store.exists(keys.annotated):
        _annotate(task, keys.annotated, ports)
    _alert_once(task, ports)


def _annotate(task: _EvidenceTask, key: str, ports: EvidencePorts) -> None:
    try:
        image = ports.images.read(task.record.frame.image)
        drawn = ports.annotator.annotate(image, task.record.detections)
    except PermanentError as error:
        task.missing.append(error)
        return
    ports.store.write_once(key, drawn, "image/jpeg")


def _alert_once(task: _EvidenceTask, ports: EvidencePorts) -> None:
    work = f"alert:{task.record.result_id}"
    if ports.alerts is None or not ports.ledger.begin(work):
        return
    try:
        ports.alerts.send(alert_for(task.record, ports.store.link, [str(error) for error in task.missing]))
    except BaseException:
        ports.ledger.release(work)
        raise
    ports.ledger.finish(work)
    task.alerted = True


def _settle(task: _EvidenceTask, dead_letters: DeadLetters, report: EvidenceReport) -> None:
    report.missing += [task.failure(error) for error in task.missing]
    report.alerted += [task.record] if task.alerted else []
    if task.error is None:
        report.kept.append(task.record)
    elif isinstance(task.error, PermanentError):
        report.dead_letter(task.streamed.body, dead_letters, task.failure(task.error))
    else:
        report.retry(task.failure(task.error))
