"""Scenarios of the functions that receive batches of a queue."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kinesight.domain.analysis.analyze_images import AnalyzeBatchSettings, AnalyzeImagesPorts, analyze_batch
from kinesight.domain.analysis.attached_streams import AttachedStreams
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings
from kinesight.domain.analysis.result_records import result_id
from kinesight.domain.analysis.stream_arns import StreamArns
from kinesight.domain.batches import QueuedMessage
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.on_demand.notification_bursts import BurstRules
from kinesight.domain.on_demand.start_analysis import StartPorts, StartSettings, start_analyses
from kinesight.domain.ports import FragmentSpan
from kinesight.domain.sessions.archive_session import ArchivePorts, archive_sessions
from kinesight.domain.sessions.clip import ClipOrder
from kinesight.domain.streams.missing_images import LastImageTracker
from kinesight.domain.streams.stream_settings import Feature, ManagedFeature

from tests.builders import ACCOUNT, BUCKET, NOON_MS, a_fragment_number, a_frame, an_image_key, an_s3_event
from tests.fakes import (
    EveryStream,
    FakeDelayedMessages,
    FakeDocuments,
    FakeEvidenceStore,
    FakeFragments,
    FakeHeld,
    FakeImageStore,
    FakeRedelivery,
    FakeSessionClips,
    FakeSink,
    FakeWorkflow,
)
from tests.fakes_streams import FakeManagedStreams, FakeStreams
from tests.unit.on_demand.test_start_analysis import arn, notification
from tests.unit.unexpected_errors.scenario import (
    BAD,
    GOOD,
    ROUTES,
    STREAMS,
    ExpiringLedger,
    MoodyDetector,
    QueueScenario,
    an_open_gate,
    published_streams,
)

OTHER_STREAM_CALLS = frozenset({"streams", "tags"})


@dataclass
class AnalyzeImages(QueueScenario):
    """Two images, each in a message of its own."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": AnalyzeImagesPorts, "settings": AnalyzeBatchSettings}
    route = ROUTES["images"]
    unused: ClassVar[frozenset[str]] = frozenset(
        {
            "ports.images.read",
            "ports.detection.gate.images.describe",
            "ports.detection.gate.states.all",
            "ports.last_images._last_images.all",
            "ports.dead_letters.send_to_dead_letters",
            *(f"ports.{one}._streams.{call}" for one in ("streams", "attached") for call in OTHER_STREAM_CALLS),
            *(
                f"ports.attached._managed.{call}"
                for call in ("add", "all", "forget", "lock", "retire", "retired", "unlock", "update")
            ),
        }
    )
    images: FakeImageStore = field(default_factory=FakeImageStore)
    sink: FakeSink = field(default_factory=FakeSink)

    def build(self) -> dict[str, Any]:
        managed = FakeManagedStreams()
        for name in STREAMS:
            key = an_image_key(name, NOON_MS)
            self.images.add(
                BUCKET,
                key,
                f"image of {name}".encode(),
                aws_kinesisvideo_fragment_number=a_fragment_number(),
                aws_kinesisvideo_producer_timestamp=str(NOON_MS),
                aws_kinesisvideo_server_timestamp=str(NOON_MS + 500),
            )
            stream = FakeStreams().describe(name)
            managed.add(ManagedFeature(name, stream.arn, Feature.IMAGE_GENERATION, None, ({},), 0))
        ids = [self._identity(name) for name in STREAMS]
        self.bad, self.good = (BAD, ids[0]), (GOOD, ids[1])
        gate = an_open_gate(self.images)
        ports = AnalyzeImagesPorts(
            self.images,
            StreamArns(FakeStreams(), monotonic_s=lambda: 0),
            DetectionPorts(EveryStream(MoodyDetector(self)), self.sink, ExpiringLedger(), lambda: NOON_MS, gate),
            self.dead,
            FakeRedelivery(),
            LastImageTracker(FakeDocuments(), lambda: NOON_MS),
            AttachedStreams(FakeStreams(), managed, ACCOUNT, monotonic_s=lambda: 0),
        )
        pipeline = PipelineSettings(lambda: Configuration.of(["person"], 80), extra_fields=lambda _frame, _output: {})
        return {"ports": ports, "settings": AnalyzeBatchSettings(ACCOUNT, pipeline)}

    def _identity(self, name: str) -> str:
        producer = from_epoch_ms(NOON_MS)
        return result_id(a_frame(stream_name=name, image_timestamp=producer), "fake/detector")

    def messages(self) -> dict[str, str]:
        return {name: an_s3_event(an_image_key(name, NOON_MS)) for name in STREAMS}

    def take(self, messages: list[QueuedMessage], roots: Mapping[str, Any]) -> list[str]:
        analyses: list[FrameAnalysis] = []
        return analyze_batch(messages, roots["ports"], roots["settings"], analyses).failed_item_ids

    def results(self) -> set[str]:
        return published_streams(self.sink)


@dataclass
class StartAnalysis(QueueScenario):
    """Two notifications, and a reminder of each burst when it is due."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": StartPorts, "settings": StartSettings}
    route = ROUTES["notifications"]
    unused: ClassVar[frozenset[str]] = frozenset(
        {"ports.bursts.all", "ports.workflow.status", "ports.dead_letters.send_to_dead_letters"}
    )
    now_ms: int = NOON_MS + 1000
    workflow: FakeWorkflow = field(default_factory=FakeWorkflow)
    reminders: FakeDelayedMessages = field(default_factory=FakeDelayedMessages)

    def build(self) -> dict[str, Any]:
        rules = BurstRules(pre_roll_ms=5_000, post_roll_ms=10_000, quiet_ms=30_000, interval_ms=1_000)
        ports = StartPorts(FakeDocuments(), self, self.workflow, self.reminders, self.dead, lambda: self.now_ms)
        return {"ports": ports, "settings": StartSettings(lambda _: rules, "PRODUCER_TIMESTAMP")}

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        yield FragmentSpan(str(NOON_MS), NOON_MS, 2000)

    def messages(self) -> dict[str, str]:
        return {name: notification(name, NOON_MS) for name in STREAMS}

    def take(self, messages: list[QueuedMessage], roots: Mapping[str, Any]) -> list[str]:
        return start_analyses(messages, roots["ports"], roots["settings"]).failed_item_ids

    def deliver(self, bodies: Mapping[str, str], roots: Mapping[str, Any]) -> None:
        super().deliver(bodies, roots)
        self.now_ms += 120_000
        while self.reminders.sent:
            due, self.reminders.sent[:] = [body for body, _ in self.reminders.sent], []
            super().deliver({f"reminder {index}": body for index, body in enumerate(due)}, roots)

    def results(self) -> set[str]:
        arns = {str(one["StreamARN"]) for one in self.workflow.inputs.values()}
        return {name for name in STREAMS if arn(name) in arns}


@dataclass
class ArchiveSession(QueueScenario):
    """Orders for the clips of two sessions."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": ArchivePorts}
    route = ROUTES["session-videos"]
    unused: ClassVar[frozenset[str]] = frozenset(
        {
            "ports.store.link",
            "ports.dead_letters.send_to_dead_letters",
            *(f"ports.streams.{call}" for call in OTHER_STREAM_CALLS),
        }
    )
    clips: FakeSessionClips = field(default_factory=FakeSessionClips)
    orders: FakeDelayedMessages = field(default_factory=FakeDelayedMessages)
    remaining: int = 100_000

    def build(self) -> dict[str, Any]:
        self.bad, self.good = ((name, *self._numbers(name)) for name in STREAMS)
        media = {number: f"mkv of {name}".encode() for name in STREAMS for number in self._numbers(name)}
        store, now_ms = FakeEvidenceStore(), NOON_MS + 3_600_000
        ports = ArchivePorts(
            index=self,
            streams=FakeStreams(),
            fragments=FakeFragments(media),
            store=store,
            videos=self.clips,
            legal_hold=FakeHeld(),
            orders=self.orders,
            dead_letters=self.dead,
            remaining_ms=self._remaining_ms,
            now_ms=lambda: now_ms,
        )
        return {"ports": ports}

    def _remaining_ms(self) -> int:
        """Short once if primed, so that an order is continued."""
        primed, self.primed = self.primed, False
        return 0 if primed else self.remaining

    def _numbers(self, name: str) -> list[str]:
        return [a_fragment_number(10 * STREAMS.index(name) + counter) for counter in (1, 2)]

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        for index, number in enumerate(self._numbers(stream_name)):
            yield FragmentSpan(number, NOON_MS + 2000 * index, 2000)

    def messages(self) -> dict[str, str]:
        return {name: self._order(name).model_dump_json(by_alias=True) for name in STREAMS}

    def _order(self, name: str) -> ClipOrder:
        return ClipOrder(
            video_of="s" * 32,
            stream_name=name,
            opened_ms=NOON_MS,
            images=3,
            selector="PRODUCER_TIMESTAMP",
            start_ms=NOON_MS,
            end_ms=NOON_MS + 25_000,
        )

    def take(self, messages: list[QueuedMessage], roots: Mapping[str, Any]) -> list[str]:
        return archive_sessions(messages, roots["ports"]).failed_item_ids

    def deliver(self, bodies: Mapping[str, str], roots: Mapping[str, Any]) -> None:
        super().deliver(bodies, roots)
        while self.orders.sent:
            more, self.orders.sent[:] = [body for body, _ in self.orders.sent], []
            super().deliver({f"continued {index}": body for index, body in enumerate(more)}, roots)

    def results(self) -> set[str]:
        return {ref.stream_name for ref, clip in self.clips.videos.items() if clip.complete}
