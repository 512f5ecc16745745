"""analyze_images: pictures that KVS wrote to S3 → what a detector sees in them → the results stream.

One SQS message tells of one picture or several. Pictures are looked at side by side; their records go to the
results stream in as few calls as possible. A picture that can never be analyzed is buried with its reason and its
neighbours go on; one that failed for now makes its message come again.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from kinesight.domain.errors import DeliveryError, KinesightError, PermanentError, UnforeseenError
from kinesight.domain.frames import frame_of
from kinesight.domain.model import ResultRecord
from kinesight.domain.ports import DeadLetters, Detector, ImageStore, Ledger, ResultSink, StreamDirectory
from kinesight.domain.records import encode_record, make_record, result_id
from kinesight.domain.rules import Rules, matching_labels
from kinesight.domain.s3_events import ImageCreated, parse_s3_event


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """An SQS message."""

    message_id: str
    body: str


@dataclass(frozen=True, slots=True)
class AnalysisPorts:
    """The outside world of this verb."""

    images: ImageStore
    streams: StreamDirectory
    detector: Detector
    results: ResultSink
    ledger: Ledger
    dead_letters: DeadLetters


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """What is wanted of every picture. `account_id` is that of the streams."""

    account_id: str
    rules: Rules
    include_raw_output: bool = False
    concurrent_detections: int = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with one message; `subject` is the picture's key where it is known."""

    message_id: str
    subject: str | None
    error: KinesightError


@dataclass(slots=True)
class BatchReport:
    """What became of a batch. The messages of `failed_message_ids` are to come again."""

    failed_message_ids: list[str] = field(default_factory=list)
    published: list[ResultRecord] = field(default_factory=list)
    duplicates: int = 0
    skipped_test_events: int = 0
    buried: list[Problem] = field(default_factory=list)
    retried: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Picture:
    """One picture on its way through a batch: a record to publish, an error, or neither if it was done before."""

    created: ImageCreated
    record: ResultRecord | None = None
    encoded: bytes = b""
    error: KinesightError | None = None


@dataclass(slots=True)
class _Parcel:
    """A message and its pictures."""

    message: QueuedMessage
    pictures: list[_Picture] = field(default_factory=list)
    error: KinesightError | None = None


def analyze_batch(messages: Sequence[QueuedMessage], ports: AnalysisPorts, plan: AnalysisPlan) -> BatchReport:
    """Analyzes every picture of a batch; what one message could not do is in the report, never an exception."""
    parcels = [_open(message) for message in messages]
    pictures = [picture for parcel in parcels for picture in parcel.pictures]
    with ThreadPoolExecutor(max_workers=plan.concurrent_detections) as pool:
        list(pool.map(lambda picture: _analyze_guarded(picture, ports, plan), pictures))
    _publish([picture for picture in pictures if picture.record is not None], ports)
    report = BatchReport()
    for parcel in parcels:
        _settle(parcel, ports.dead_letters, report)
    return report


def _open(message: QueuedMessage) -> _Parcel:
    try:
        return _Parcel(message, [_Picture(created) for created in parse_s3_event(message.body)])
    except PermanentError as error:
        return _Parcel(message, error=error)


def _analyze_guarded(picture: _Picture, ports: AnalysisPorts, plan: AnalysisPlan) -> None:
    try:
        _analyze(picture, ports, plan)
    except KinesightError as error:
        picture.error = error
    except Exception as error:  # noqa: BLE001 - one picture's unforeseen failure must not take its neighbours along
        picture.error = UnforeseenError(f"{type(error).__name__}: {error}")
        picture.error.__cause__ = error


def _analyze(picture: _Picture, ports: AnalysisPorts, plan: AnalysisPlan) -> None:
    stored = ports.images.describe(picture.created.bucket, picture.created.key)
    frame = frame_of(stored, plan.account_id, ports.streams)
    fingerprint = ports.detector.fingerprint
    identity = result_id(frame, fingerprint)
    if not ports.ledger.begin(identity):
        return
    with _released_on_failure(ports.ledger, identity):
        answer = ports.detector.detect(frame)
        matched = matching_labels(answer.detections, plan.rules)
        record = make_record(frame, answer, fingerprint, matched, include_raw=plan.include_raw_output)
        picture.encoded = encode_record(record)
        picture.record = record


@contextmanager
def _released_on_failure(ledger: Ledger, key: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        ledger.release(key)
        raise


def _publish(pictures: Sequence[_Picture], ports: AnalysisPorts) -> None:
    records = [picture.record for picture in pictures if picture.record is not None]
    refused = ports.results.put(
        [(record.frame.stream_name, picture.encoded) for record, picture in zip(records, pictures, strict=True)]
    )
    for index, (record, picture) in enumerate(zip(records, pictures, strict=True)):
        try:
            if index in refused:
                picture.error = DeliveryError(f"the results stream refused the record: {refused[index]}")
                ports.ledger.release(record.result_id)
            else:
                ports.ledger.finish(record.result_id)
        except KinesightError as error:
            picture.error = error


def _settle(parcel: _Parcel, dead_letters: DeadLetters, report: BatchReport) -> None:
    """Buries or retries a message as a whole, so that one that comes again is not in the dead letters as well."""
    report.published += [p.record for p in parcel.pictures if p.record is not None and p.error is None]
    report.duplicates += sum(p.record is None and p.error is None for p in parcel.pictures)
    report.skipped_test_events += parcel.error is None and not parcel.pictures
    problems = _problems(parcel)
    lasting = [problem for problem in problems if isinstance(problem.error, PermanentError)]
    passing = [problem for problem in problems if problem not in lasting]
    if lasting and not passing:
        passing = _bury(parcel.message, lasting, dead_letters, report)
    if passing:
        report.retried += passing
        report.failed_message_ids.append(parcel.message.message_id)


def _problems(parcel: _Parcel) -> list[Problem]:
    message_id = parcel.message.message_id
    if parcel.error is not None:
        return [Problem(message_id, None, parcel.error)]
    return [Problem(message_id, p.created.key, p.error) for p in parcel.pictures if p.error is not None]


def _bury(
    message: QueuedMessage, lasting: Sequence[Problem], dead_letters: DeadLetters, report: BatchReport
) -> list[Problem]:
    """Buries the message under its first reason; the problems to retry if even that fails."""
    try:
        dead_letters.bury(message.body, lasting[0].error)
    except KinesightError as error:
        return [Problem(message.message_id, lasting[0].subject, error)]
    report.buried += lasting
    return []
