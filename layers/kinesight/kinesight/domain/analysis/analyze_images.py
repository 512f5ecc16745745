"""analyze_images: pictures that KVS wrote to S3 → what a detector sees in them → the results stream.

One SQS message tells of one picture or several. Pictures are looked at side by side; their records go to the
results stream in as few calls as possible. A picture that can never be analyzed is buried with its reason and its
neighbours go on; one that failed for now makes its message come again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from kinesight.domain.analysis.frame_from_s3 import frame_of
from kinesight.domain.analysis.pipeline import Analysis, DetectionPlan, DetectionPorts, analyze
from kinesight.domain.analysis.s3_events import ImageCreated, parse_s3_event
from kinesight.domain.batches import Problem, QueuedMessage
from kinesight.domain.errors import KinesightError, PermanentError
from kinesight.domain.model import Frame, ResultRecord
from kinesight.domain.ports import DeadLetters, ImageStore, StreamDirectory


@dataclass(frozen=True, slots=True)
class AnalysisPorts:
    """The outside world of this verb."""

    images: ImageStore
    streams: StreamDirectory
    detection: DetectionPorts
    dead_letters: DeadLetters


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """What is wanted of every picture. `account_id` is that of the streams."""

    account_id: str
    detection: DetectionPlan


@dataclass(slots=True)
class BatchReport:
    """What became of a batch. The messages of `failed_message_ids` are to come again; pictures that are `over_budget` are
    not."""

    failed_message_ids: list[str] = field(default_factory=list)
    published: list[ResultRecord] = field(default_factory=list)
    gated: list[Analysis] = field(default_factory=list)
    over_budget: list[Analysis] = field(default_factory=list)
    already_analyzed: list[Analysis] = field(default_factory=list)
    skipped_test_events: int = 0
    buried: list[Problem] = field(default_factory=list)
    retried: list[Problem] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        return len(self.already_analyzed)


@dataclass(slots=True)
class _Parcel:
    """A message and its pictures."""

    message: QueuedMessage
    pictures: list[Analysis] = field(default_factory=list)
    error: KinesightError | None = None


def analyze_batch(messages: Sequence[QueuedMessage], ports: AnalysisPorts, plan: AnalysisPlan) -> BatchReport:
    """Analyzes every picture of a batch; what one message could not do is in the report, never an exception."""
    parcels = [_open(message, ports, plan) for message in messages]
    analyze([picture for parcel in parcels for picture in parcel.pictures], ports.detection, plan.detection)
    report = BatchReport()
    for parcel in parcels:
        _settle(parcel, ports.dead_letters, report)
    return report


def _open(message: QueuedMessage, ports: AnalysisPorts, plan: AnalysisPlan) -> _Parcel:
    try:
        created = parse_s3_event(message.body)
    except PermanentError as error:
        return _Parcel(message, error=error)
    return _Parcel(message, [Analysis(one.key, partial(_frame, one, ports, plan.account_id)) for one in created])


def _frame(created: ImageCreated, ports: AnalysisPorts, account_id: str) -> Frame:
    return frame_of(ports.images.describe(created.bucket, created.key), account_id, ports.streams)


def _settle(parcel: _Parcel, dead_letters: DeadLetters, report: BatchReport) -> None:
    """Buries or retries a message as a whole, so that one that comes again is not in the dead letters as well."""
    report.published += [p.record for p in parcel.pictures if p.record is not None and p.error is None]
    report.gated += [p for p in parcel.pictures if p.gated]
    report.over_budget += [p for p in parcel.pictures if p.over_budget is not None]
    report.already_analyzed += [p for p in parcel.pictures if p.already_analyzed]
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
    return [
        Problem(message_id, p.subject, p.error, p.frame, p.identity) for p in parcel.pictures if p.error is not None
    ]


def _bury(
    message: QueuedMessage, lasting: Sequence[Problem], dead_letters: DeadLetters, report: BatchReport
) -> list[Problem]:
    """Buries the message under its first reason; the problems to retry if even that fails."""
    try:
        dead_letters.send_to_dead_letters(message.body, lasting[0].error)
    except KinesightError as error:
        return [replace(lasting[0], error=error)]
    report.buried += lasting
    return []
