"""analyze_images: images that KVS wrote to S3 → detections → the results stream.

One SQS message names one image or several. Images are analyzed concurrently; their records are published in as few
calls as possible. An image that can never be analyzed is dead-lettered with its reason and its neighbours go on;
after a transient failure its message is redelivered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from kinesight.domain.analysis.attached_streams import AttachedStreams
from kinesight.domain.analysis.frame_from_s3 import frame_of
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.analysis.s3_events import ImageCreated, parse_s3_event
from kinesight.domain.analysis.stream_arns import StreamArns
from kinesight.domain.batches import FailedItems, ItemFailure, QueuedMessage, classified, run_safely
from kinesight.domain.errors import KinesightError
from kinesight.domain.model import Frame, ResultRecord
from kinesight.domain.ports import DeadLetters, ImageStore, RedeliveryDelays
from kinesight.domain.streams.missing_images import LastImageTracker


@dataclass(frozen=True, slots=True)
class AnalyzeImagesPorts:
    """Ports of this verb. `attached` is for a bucket to which others may write: it is None for the stack's own."""

    images: ImageStore
    streams: StreamArns
    detection: DetectionPorts
    dead_letters: DeadLetters
    redelivery: RedeliveryDelays
    last_images: LastImageTracker
    attached: AttachedStreams | None = None


@dataclass(frozen=True, slots=True)
class AnalyzeBatchSettings:
    """Settings of every image. `account_id` is that of the streams."""

    account_id: str
    pipeline: PipelineSettings


@dataclass(slots=True)
class BatchReport(FailedItems):
    """Result of a batch. Images that are `over_budget` are not retried."""

    published: list[ResultRecord] = field(default_factory=list)
    gated: list[FrameAnalysis] = field(default_factory=list)
    over_budget: list[FrameAnalysis] = field(default_factory=list)
    without_detector: list[FrameAnalysis] = field(default_factory=list)
    already_analyzed: list[FrameAnalysis] = field(default_factory=list)
    skipped_test_events: int = 0
    of_others: int = 0
    """Objects of a shared bucket that are no images of attached streams."""
    delay_failure: KinesightError | None = None
    """Why messages are redelivered after the queue's visibility timeout instead of sooner."""


@dataclass(slots=True)
class _MessageState:
    """A message and the analyses of its images."""

    message: QueuedMessage
    images: list[FrameAnalysis] = field(default_factory=list)
    error: KinesightError | None = None
    of_others: int = 0


def analyze_batch(
    messages: Sequence[QueuedMessage],
    ports: AnalyzeImagesPorts,
    settings: AnalyzeBatchSettings,
    analyses: list[FrameAnalysis],
) -> BatchReport:
    """Analyzes every image of a batch; what one message could not do is in the report, never an exception.

    Appends to `analyses`, which the caller has even if an unexpected error ends the batch after records were published.
    """
    states = [_open(message, ports, settings) for message in messages]
    images = [image for state in states for image in state.images]
    analyses += images
    analyze(images, ports.detection, settings.pipeline)
    ports.last_images.record({one.frame.stream_name for one in images if one.frame is not None})
    report = BatchReport()
    for state in states:
        _settle(state, ports.dead_letters, report)
    _delay_retries(messages, ports.redelivery, report)
    return report


def _open(message: QueuedMessage, ports: AnalyzeImagesPorts, settings: AnalyzeBatchSettings) -> _MessageState:
    try:
        created = parse_s3_event(message.body)
        attached = [one for one in created if ports.attached is None or ports.attached.owns(one.key)]
    except Exception as error:  # noqa: BLE001 - an unexpected error fails this message only
        return _MessageState(message, error=classified(error))
    images = [FrameAnalysis(one.key, partial(_frame, one, ports, settings.account_id)) for one in attached]
    return _MessageState(message, images, of_others=len(created) - len(attached))


def _frame(created: ImageCreated, ports: AnalyzeImagesPorts, account_id: str) -> Frame:
    return frame_of(ports.images.describe(created.bucket, created.key), account_id, ports.streams)


def _settle(state: _MessageState, dead_letters: DeadLetters, report: BatchReport) -> None:
    """Reports the outcome of each image of a message; dead-letters or retries it as a whole."""
    report.published += [p.record for p in state.images if p.record is not None and p.error is None]
    report.gated += [p for p in state.images if p.gated]
    report.over_budget += [p for p in state.images if p.over_budget is not None]
    report.without_detector += [p for p in state.images if p.has_no_detector]
    report.already_analyzed += [p for p in state.images if p.already_analyzed]
    report.of_others += state.of_others
    report.skipped_test_events += state.error is None and not state.images and not state.of_others
    report.fail_message(state.message, dead_letters, *_failures(state))


def _delay_retries(messages: Sequence[QueuedMessage], redelivery: RedeliveryDelays, report: BatchReport) -> None:
    """A transient failure is retried soon, and less and less often while it lasts."""
    failed = set(report.failed_item_ids)
    delays = {one.receipt_handle: one.retry_delay_s for one in messages if one.message_id in failed}
    if delays:
        report.delay_failure = run_safely(lambda: redelivery.delay(delays))


def _failures(state: _MessageState) -> list[ItemFailure]:
    message_id = state.message.message_id
    if state.error is not None:
        return [ItemFailure(message_id, state.error)]
    return [
        ItemFailure(message_id, p.error, p.subject, p.frame, p.identity) for p in state.images if p.error is not None
    ]
