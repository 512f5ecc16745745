"""keep_evidence: stores the evidence of records of the results stream, and sends alerts.

Per matched record, idempotently: the record as JSON, its fragment (fetched once for all matched frames), the annotated
image, and an alert if alerts are per image. The alert is last, so that its links already work. Of other records, those
settings of their camera that say ALL apply: the record, the fragment, or both.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pydantic import ValidationError

from kinesight.domain.analysis.result_records import archive_key, evidence_keys
from kinesight.domain.batches import FailedItems, ItemFailure, StreamedRecord, run_safely
from kinesight.domain.configuration.camera import KeepSettings
from kinesight.domain.errors import (
    EvidenceGoneError,
    InvalidEventError,
    KinesightError,
    PermanentError,
)
from kinesight.domain.evidence.image_alerts import alert_for
from kinesight.domain.evidence.ports import Annotator
from kinesight.domain.model import ResultRecord
from kinesight.domain.plain_values import describe
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
    """Ports of this verb. `alerts` is None if alerts are per session. `keep`: what is kept of a stream, by its name."""

    images: ImageStore
    fragments: FragmentArchive
    store: EvidenceStore
    annotator: Annotator
    alerts: AlertChannel | None
    ledger: Ledger
    dead_letters: DeadLetters
    keep: Callable[[str], KeepSettings]


@dataclass(slots=True)
class EvidenceReport(FailedItems):
    """Result of a batch.

    `missing` is evidence that is no longer available (an expired fragment, a deleted image); the rest was stored.
    `kept` are the records of which something is kept, whether they matched or not. `alerted` are the records whose
    alerts were sent by this call.
    """

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
    """Evidence of one record: which parts are kept, those that are missing, and the error that stopped it."""

    streamed: StreamedRecord
    record: ResultRecord
    keeps_record: bool
    keeps_fragment: bool
    missing: list[PermanentError] = field(default_factory=list)
    error: KinesightError | None = None
    alerted: bool = False

    def failure(self, error: KinesightError) -> ItemFailure:
        number = self.streamed.sequence_number
        return ItemFailure(number, error, frame=self.record.frame, result_id=self.record.result_id)


def keep_batch(batch: Sequence[StreamedRecord], ports: EvidencePorts) -> EvidenceReport:
    """Stores the evidence of a batch. Errors of single records are in the report; none is raised."""
    report = EvidenceReport()
    tasks = [task for streamed in batch if (task := _task_of(streamed, ports, report)) is not None]
    # Matched records first: alerts do not wait for the others.
    for has_matched in (True, False):
        _keep_all([task for task in tasks if task.record.matched is has_matched], ports, report)
    for task in tasks:
        _settle(task, ports.dead_letters, report)
    return report


def _keep_all(tasks: Sequence[_EvidenceTask], ports: EvidencePorts, report: EvidenceReport) -> None:
    with ThreadPoolExecutor(max_workers=_STREAMS_AT_ONCE) as pool:
        archived = pool.map(lambda one: _archive_fragments(one[0], one[1], ports), _by_stream(tasks).items())
        sizes = [size for of_stream in archived for size in of_stream]
    report.archived_fragments += len(sizes)
    report.archived_bytes += sum(sizes)
    with ThreadPoolExecutor(max_workers=_TASKS_AT_ONCE) as pool:
        list(pool.map(lambda task: _keep_safely(task, ports), tasks))


def _task_of(streamed: StreamedRecord, ports: EvidencePorts, report: EvidenceReport) -> _EvidenceTask | None:
    """Returns None if nothing of the record is kept, or if it is invalid (dead-lettered)."""
    try:
        record = ResultRecord.model_validate_json(streamed.data)
    except ValidationError as error:
        problem = InvalidEventError(f"not a result record: {describe(error)}")
        report.dead_letter(streamed.body, ports.dead_letters, ItemFailure(streamed.sequence_number, problem))
        return None
    if record.matched:
        return _EvidenceTask(streamed, record, keeps_record=True, keeps_fragment=True)
    keep = ports.keep(record.frame.stream_name)
    keeps_fragment = keep.fragments == "ALL" and record.frame.fragment_number is not None
    task = _EvidenceTask(streamed, record, keep.records == "ALL", keeps_fragment)
    return task if task.keeps_record or task.keeps_fragment else None


def _by_stream(tasks: Sequence[_EvidenceTask]) -> dict[str, dict[str, list[_EvidenceTask]]]:
    """Returns stream name → fragment number → tasks with frames of that fragment."""
    grouped: dict[str, dict[str, list[_EvidenceTask]]] = {}
    for task in tasks:
        frame = task.record.frame
        if task.keeps_fragment and frame.fragment_number is not None:
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
    if task.keeps_record:
        ports.store.write_once(keys.result, task.streamed.data, "application/json")
    if not task.record.matched:
        return
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
