"""keep_evidence: for every matched record of the results stream, keep what proves it, and tell people.

Per matched record, each with the effect of once: the record as JSON, the fragment that shows it (one fetch however
many of its frames matched), the image with boxes drawn, and an alert where images have alerts of their own. The
alert comes last: by then everything it links to is there.
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
_CASES_AT_ONCE = 8  # four small AWS calls each; more threads gain nothing on a one-vCPU function


@dataclass(frozen=True, slots=True)
class EvidencePorts:
    """The outside world of this verb. `alerts` is None where sessions have alerts instead of images."""

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

    `missing` is evidence that can't be had any more (an expired fragment, a deleted image): the rest was kept.
    `alerted` are the records of which people were told now.
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
class _Case:
    """One matched record, what could not be had for it, and the error that stopped it."""

    streamed: StreamedRecord
    record: ResultRecord
    missing: list[PermanentError] = field(default_factory=list)
    error: KinesightError | None = None
    alerted: bool = False

    def failure(self, error: KinesightError) -> ItemFailure:
        number = self.streamed.sequence_number
        return ItemFailure(number, error, frame=self.record.frame, result_id=self.record.result_id)


def keep_batch(batch: Sequence[StreamedRecord], ports: EvidencePorts) -> EvidenceReport:
    """Keeps the evidence of a batch; what one record could not do is in the report, never an exception."""
    report = EvidenceReport()
    cases = [case for streamed in batch if (case := _case_of(streamed, ports.dead_letters, report)) is not None]
    report.matched = len(cases)
    with ThreadPoolExecutor(max_workers=_STREAMS_AT_ONCE) as pool:
        archived = pool.map(lambda one: _archive_fragments(one[0], one[1], ports), _by_stream(cases).items())
        sizes = [size for of_stream in archived for size in of_stream]
    report.archived_fragments, report.archived_bytes = len(sizes), sum(sizes)
    with ThreadPoolExecutor(max_workers=_CASES_AT_ONCE) as pool:
        list(pool.map(lambda case: _keep_safely(case, ports), cases))
    for case in cases:
        _settle(case, ports.dead_letters, report)
    return report


def _case_of(streamed: StreamedRecord, dead_letters: DeadLetters, report: EvidenceReport) -> _Case | None:
    """The case of a matched record; None for one that did not match or can't be read, which is dead-lettered."""
    try:
        record = ResultRecord.model_validate_json(streamed.data)
    except ValidationError as error:
        problem = InvalidEventError(f"not a result record: {error.error_count()} problems, first: {error.errors()[0]}")
        report.dead_letter(streamed.body, dead_letters, ItemFailure(streamed.sequence_number, problem))
        return None
    return _Case(streamed, record) if record.matched else None


def _by_stream(cases: Sequence[_Case]) -> dict[str, dict[str, list[_Case]]]:
    """Stream name → fragment number → the cases that this fragment shows."""
    grouped: dict[str, dict[str, list[_Case]]] = {}
    for case in cases:
        frame = case.record.frame
        if frame.fragment_number is not None:
            grouped.setdefault(frame.stream_name, {}).setdefault(frame.fragment_number, []).append(case)
    return grouped


def _archive_fragments(stream_name: str, sharing: dict[str, list[_Case]], ports: EvidencePorts) -> list[int]:
    """Archives what is not there yet, one fetch per fragment; the size in bytes of each object that was written."""
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
                for case in sharing[media.fragment_number]:
                    case.missing.append(gone)
            waiting.discard(media.fragment_number)
    except KinesightError as error:
        for case in (case for number in waiting for case in sharing[number]):
            case.error = error
    return sizes


def _keep_safely(case: _Case, ports: EvidencePorts) -> None:
    if case.error is None:
        case.error = run_safely(lambda: _keep(case, ports))


def _keep(case: _Case, ports: EvidencePorts) -> None:
    keys = evidence_keys(case.record)
    ports.store.write_once(keys.result, case.streamed.data, "application/json")
    if not ports.store.exists(keys.annotated):
        _annotate(case, keys.annotated, ports)
    _alert_once(case, ports)


def _annotate(case: _Case, key: str, ports: EvidencePorts) -> None:
    try:
        image = ports.images.read(case.record.frame.image)
        drawn = ports.annotator.annotate(image, case.record.detections)
    except PermanentError as error:
        case.missing.append(error)
        return
    ports.store.write_once(key, drawn, "image/jpeg")


def _alert_once(case: _Case, ports: EvidencePorts) -> None:
    work = f"alert:{case.record.result_id}"
    if ports.alerts is None or not ports.ledger.begin(work):
        return
    try:
        ports.alerts.send(alert_for(case.record, ports.store.link, [str(error) for error in case.missing]))
    except BaseException:
        ports.ledger.release(work)
        raise
    ports.ledger.finish(work)
    case.alerted = True


def _settle(case: _Case, dead_letters: DeadLetters, report: EvidenceReport) -> None:
    report.missing += [case.failure(error) for error in case.missing]
    report.alerted += [case.record] if case.alerted else []
    if case.error is None:
        report.kept.append(case.record)
    elif isinstance(case.error, PermanentError):
        report.dead_letter(case.streamed.body, dead_letters, case.failure(case.error))
    else:
        report.retry(case.failure(case.error))
