"""keep_evidence: stores the evidence of records of the results stream, and sends alerts.

Per matched record, idempotently: the record as JSON, its fragment (fetched once for all matched frames), the annotated
image, and an alert if alerts are per image. The alert is last, so that its links already work. Of other records, those
settings of their camera that say ALL apply: the record, the fragment, or both.

A shard's records wait while one is redelivered, those of other cameras too. So only transient errors are retried that
way; the record of a fragment that KVS refuses is dead-lettered after the rest of its evidence is kept.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from pydantic import ValidationError

from kinesight.domain.analysis.result_records import archive_key, evidence_keys
from kinesight.domain.batches import (
    FailedItems,
    ItemFailure,
    StreamedRecord,
    classified,
    is_final,
    is_repeated,
    pauses_s,
    run_safely,
)
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

_MARGIN_MS = 60_000
"""Remaining time of an invocation that another attempt needs."""
_STREAMS_AT_ONCE = 4  # a fragment of 50 MB is held twice while it is archived; the function has 1 GB
_TASKS_AT_ONCE = 8  # four small AWS calls each; more threads gain nothing on a one-vCPU function


@dataclass(frozen=True, slots=True)
class EvidencePorts:
    """Ports of this verb. `alerts` is None if alerts are per session. `keep`: what is kept of a stream, by its name.
    `pause` sleeps for seconds; `remaining_ms`: remaining time of this invocation."""

    images: ImageStore
    fragments: FragmentArchive
    store: EvidenceStore
    annotator: Annotator
    alerts: AlertChannel | None
    ledger: Ledger
    dead_letters: DeadLetters
    keep: Callable[[str], KeepSettings]
    pause: Callable[[float], None]
    remaining_ms: Callable[[], int]


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
    """Evidence of one record: which parts are kept, those that are missing, and the error that stopped it. `refusal`
    is why its fragment is not kept, although KVS may have it."""

    streamed: StreamedRecord
    record: ResultRecord
    keeps_record: bool = False
    keeps_fragment: bool = False
    missing: list[PermanentError] = field(default_factory=list)
    refusal: KinesightError | None = None
    error: KinesightError | None = None
    alerted: bool = False
    attempts: int = 0

    def failure(self, error: KinesightError) -> ItemFailure:
        number = self.streamed.sequence_number
        return ItemFailure(number, error, frame=self.record.frame, result_id=self.record.result_id)


def keep_batch(batch: Sequence[StreamedRecord], ports: EvidencePorts) -> EvidenceReport:
    """Stores the evidence of a batch. Errors of single records are in the report; none is raised."""
    report = EvidenceReport()
    tasks = [task for streamed in batch if (task := _task_of(streamed, ports.dead_letters, report)) is not None]
    # Matched records first: alerts do not wait for the others.
    for has_matched in (True, False):
        _keep_in_attempts([task for task in tasks if task.record.matched is has_matched], ports, report)
    for task in tasks:
        _settle(task, ports.dead_letters, report)
    return report


def _keep_in_attempts(tasks: Sequence[_EvidenceTask], ports: EvidencePorts, report: EvidenceReport) -> None:
    """Repeats the tasks that failed unexpectedly, as far as time allows."""
    _keep_all(tasks, ports, report)
    for pause_s in pauses_s():
        failed = [task for task in tasks if is_repeated(task.error)]
        if not failed or ports.remaining_ms() < _MARGIN_MS:
            return
        ports.pause(pause_s)
        _keep_all(failed, ports, report)


def _keep_all(tasks: Sequence[_EvidenceTask], ports: EvidencePorts, report: EvidenceReport) -> None:
    for task in tasks:
        task.attempts += 1
        task.missing, task.error = [], run_safely(partial(_choose, task, ports))
    with ThreadPoolExecutor(max_workers=_STREAMS_AT_ONCE) as pool:
        archived = pool.map(lambda one: _archive_fragments(one[0], one[1], ports), _fetches(tasks))
        sizes = [size for of_stream in archived for size in of_stream]
    report.archived_fragments += len(sizes)
    report.archived_bytes += sum(sizes)
    with ThreadPoolExecutor(max_workers=_TASKS_AT_ONCE) as pool:
        list(pool.map(lambda task: _keep_safely(task, ports), tasks))


def _task_of(streamed: StreamedRecord, dead_letters: DeadLetters, report: EvidenceReport) -> _EvidenceTask | None:
    """Returns None if the record is invalid (dead-lettered)."""
    try:
        record = ResultRecord.model_validate_json(streamed.data)
    except ValidationError as error:
        problem = InvalidEventError(f"not a result record: {describe(error)}")
        report.dead_letter(streamed.body, dead_letters, ItemFailure(streamed.sequence_number, problem))
        return None
    return _EvidenceTask(streamed, record)


def _choose(task: _EvidenceTask, ports: EvidencePorts) -> None:
    """Sets which parts of the evidence are kept."""
    task.keeps_record = task.keeps_fragment = task.record.matched
    if not task.record.matched:
        keep = ports.keep(task.record.frame.stream_name)
        task.keeps_record = keep.records == "ALL"
        task.keeps_fragment = keep.fragments == "ALL" and task.record.frame.fragment_number is not None


def _fetches(tasks: Sequence[_EvidenceTask]) -> list[tuple[str, dict[str, list[_EvidenceTask]]]]:
    """Returns the fetches to make: stream name, and fragment number → tasks with frames of that fragment. Fragments
    that are tried again are fetched alone, so that each fails alone."""
    grouped: dict[tuple[str, str], dict[str, list[_EvidenceTask]]] = {}
    for task in tasks:
        frame = task.record.frame
        if task.error is None and task.keeps_fragment and frame.fragment_number is not None:
            alone = frame.fragment_number if task.attempts > 1 else ""
            group = grouped.setdefault((frame.stream_name, alone), {})
            group.setdefault(frame.fragment_number, []).append(task)
    return [(stream_name, group) for (stream_name, _), group in grouped.items()]


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
    except Exception as error:  # noqa: BLE001 - an unexpected error fails these fragments only
        for task in (task for number in waiting for task in sharing[number]):
            _fail_fragment(task, classified(error))
    return sizes


def _fail_fragment(task: _EvidenceTask, error: KinesightError) -> None:
    """The rest is kept in the last attempt only, so that an alert is complete."""
    if is_final(error, task.attempts):
        task.refusal = error
    else:
        task.error = error


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
        missing = [str(error) for error in (*task.missing, task.refusal) if error is not None]
        ports.alerts.send(alert_for(task.record, ports.store.link, missing))
    except BaseException:
        run_safely(lambda: ports.ledger.release(work))  # its own error must not hide this one; the entry expires
        raise
    task.alerted = True
    run_safely(lambda: ports.ledger.finish(work))  # one that cannot be written expires; the alert is sent all the same


def _settle(task: _EvidenceTask, dead_letters: DeadLetters, report: EvidenceReport) -> None:
    report.missing += [task.failure(error) for error in task.missing]
    report.alerted += [task.record] if task.alerted else []
    error = task.error or task.refusal
    if error is not None:
        report.fail(task.streamed.body, task.attempts, dead_letters, task.failure(error))
    elif task.keeps_record or task.keeps_fragment:
        report.kept.append(task.record)
