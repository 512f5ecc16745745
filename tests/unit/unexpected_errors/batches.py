"""Scenarios of the functions that receive batches of a queue or of the results stream."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kinesight.domain.analysis.analyze_images import AnalyzeBatchSettings, AnalyzeImagesPorts, analyze_batch
from kinesight.domain.analysis.attached_streams import AttachedStreams
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings
from kinesight.domain.analysis.result_records import archive_key, encode_record, evidence_keys, result_id
from kinesight.domain.analysis.stream_arns import StreamArns
from kinesight.domain.batches import QueuedMessage, StreamedRecord
from kinesight.domain.configuration.camera import KeepSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.errors import DeliveryError
from kinesight.domain.evidence.keep_evidence import EvidencePorts, keep_batch
from kinesight.domain.gate.decision import GateMode, GateSettings
from kinesight.domain.gate.frame_gate import FrameGate
from kinesight.domain.model import ResultRecord, from_epoch_ms
from kinesight.domain.on_demand.notification_bursts import BurstRules
from kinesight.domain.on_demand.start_analysis import StartPorts, StartSettings, start_analyses
from kinesight.domain.ports import Alert, FragmentSpan
from kinesight.domain.sessions.archive_session import ArchivePorts, archive_sessions
from kinesight.domain.sessions.clip import ClipOrder
from kinesight.domain.sessions.model import UndeliveredEvent
from kinesight.domain.sessions.outbox import AlertRoute, NotificationTargets
from kinesight.domain.sessions.track_sessions import SessionPorts, pass_time, redeliver, track_batch
from kinesight.domain.streams.missing_images import LastImageTracker
from kinesight.domain.streams.stream_settings import Feature, ManagedFeature
from kinesight_cli.redrive.actions import Action, InvokeWithChange, InvokeWithRecord, SendMessage
from kinesight_cli.shared.dead_letter_routes import QUEUES

from tests.builders import ACCOUNT, BUCKET, NOON_MS, a_fragment_number, a_frame, a_record, an_image_key, an_s3_event
from tests.fakes import (
    EveryStream,
    FakeAlerts,
    FakeAnnotator,
    FakeDelayedMessages,
    FakeDocuments,
    FakeEvidenceStore,
    FakeFragments,
    FakeHeld,
    FakeImageStore,
    FakeRedelivery,
    FakeSessionClips,
    FakeSessions,
    FakeSink,
    FakeWorkflow,
)
from tests.fakes_streams import FakeManagedStreams, FakeStreams
from tests.unit.on_demand.test_start_analysis import arn, notification
from tests.unit.unexpected_errors.scenario import BAD, GOOD, ExpiringLedger, MoodyDetector, QueueScenario, Scenario

ROUTES = {one.name: one for one in QUEUES}
STREAMS = (BAD, GOOD)
OTHER_STREAM_CALLS = frozenset({"streams", "tags"})


class Luma:
    """The luma of an image is a hash of nothing."""

    def luma(self, image: bytes) -> bytes:
        return bytes(64 * 36)


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
        gate = FrameGate(lambda _: GateSettings(mode=GateMode.ON), self.images, Luma(), FakeDocuments())
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
        return {ResultRecord.model_validate_json(data).frame.stream_name for _, data in self.sink.records}

    def repeat(self, action: Action, roots: Mapping[str, Any]) -> None:
        assert isinstance(action, SendMessage)
        self.deliver({"again": action.body}, roots)


@dataclass
class StartAnalysis(AnalyzeImages):
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
class ArchiveSession(AnalyzeImages):
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


@dataclass
class StreamScenario(Scenario):
    """A function that reads the results stream, in which both records are."""

    attempts_of_malformed: int = 0
    take: ClassVar[Callable[..., Any]]

    def records(self) -> list[ResultRecord]:
        return [self.record(name) for name in STREAMS]

    def record(self, name: str) -> ResultRecord:
        number = a_fragment_number(STREAMS.index(name) + 1)
        key = an_image_key(name, NOON_MS)
        image = a_frame().image.model_copy(update={"key": key})
        moment = from_epoch_ms(NOON_MS)
        return a_record(a_frame(stream_name=name, fragment_number=number, image=image, image_timestamp=moment))

    def marks(self) -> None:
        self.bad, self.good = (
            (one.frame.stream_name, one.result_id, str(one.frame.fragment_number)) for one in self.records()
        )

    def fails_once(self, alert: Alert) -> DeliveryError | None:
        """Of an alert of the bad item, if the scenario is primed."""
        fails = self.primed and BAD in alert.subject
        self.primed = self.primed and not fails
        return DeliveryError("busy") if fails else None

    def deliver(self, items: list[bytes], roots: Mapping[str, Any]) -> None:
        batch = [StreamedRecord(f"{index} of {data[:400]!r}", data) for index, data in enumerate(items)]
        for _ in range(11):
            self.attempts += any(BAD.encode() in one.data for one in batch)
            self.attempts_of_malformed += any(one.data == b"malformed" for one in batch)
            failed = self.take(batch, roots["ports"]).failed_item_ids
            first = min((index for index, one in enumerate(batch) if one.sequence_number in failed), default=None)
            if first is None:
                return
            batch = batch[first:]

    def run(self, roots: Mapping[str, Any]) -> None:
        self.deliver([encode_record(one) for one in self.records()], roots)

    def send_malformed(self, roots: Mapping[str, Any]) -> None:
        """Delivers a record that the function cannot read."""
        self.deliver([b"malformed"], roots)

    def repeat(self, action: Action, roots: Mapping[str, Any]) -> None:
        assert isinstance(action, InvokeWithRecord)
        self.deliver([action.data], roots)


@dataclass
class KeepEvidence(StreamScenario):
    """The evidence of two matched records, and of one of each camera that did not match."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": EvidencePorts}
    route = ROUTES["evidence"]
    unused: ClassVar[frozenset[str]] = frozenset(
        {"ports.images.describe", "ports.dead_letters.send_to_dead_letters", "ports.pause", "ports.remaining_ms"}
    )
    store: FakeEvidenceStore = field(default_factory=FakeEvidenceStore)
    alerts: FakeAlerts = field(default_factory=FakeAlerts)
    take = staticmethod(keep_batch)

    def build(self) -> dict[str, Any]:
        self.marks()
        images, fragments = FakeImageStore(), FakeFragments()
        for one in self.records():
            name = one.frame.stream_name
            images.add(one.frame.image.bucket, one.frame.image.key, f"image of {name}".encode())
            fragments.media[str(one.frame.fragment_number)] = f"mkv of {name}".encode()
        self.alerts.failing = self.fails_once
        ports = EvidencePorts(
            images,
            fragments,
            self.store,
            FakeAnnotator(),
            self.alerts,
            ExpiringLedger(),
            self.dead,
            keep=lambda _: KeepSettings(records="ALL", fragments="ALL"),
            pause=lambda _: None,
            remaining_ms=lambda: 300_000,
        )
        return {"ports": ports}

    def run(self, roots: Mapping[str, Any]) -> None:
        unmatched = map(self._unmatched, self.records())
        self.deliver([encode_record(one) for one in (*self.records(), *unmatched)], roots)

    def _unmatched(self, one: ResultRecord) -> ResultRecord:
        return one.model_copy(update={"matched": False, "result_id": f"{one.result_id}-2"})

    def results(self) -> set[str]:
        alerted = {str(alert.body["resultId"]) for alert in self.alerts.sent}
        return {one.frame.stream_name for one in self.records() if self._is_kept(one) and one.result_id in alerted}

    def _is_kept(self, one: ResultRecord) -> bool:
        keys = evidence_keys(one)
        archived = archive_key(one.frame.stream_name, str(one.frame.fragment_number))
        other = evidence_keys(self._unmatched(one))
        return {keys.result, keys.annotated, archived, other.result} <= self.store.objects.keys()


@dataclass
class TrackSessions(StreamScenario):
    """The records of two sessions, and the runs of the minute until they have ended."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": SessionPorts}
    route = ROUTES["sessions"]
    unused: ClassVar[frozenset[str]] = frozenset(
        {"ports.dead_letters.send_to_dead_letters", "ports.pause", "ports.remaining_ms"}
    )
    now_ms: int = NOON_MS
    sessions: FakeSessions = field(default_factory=FakeSessions)
    alerts: FakeAlerts = field(default_factory=FakeAlerts)
    clips: FakeDelayedMessages = field(default_factory=FakeDelayedMessages)
    take = staticmethod(track_batch)

    def build(self) -> dict[str, Any]:
        self.marks()
        self.alerts.failing = self.fails_once
        configuration = Configuration.of(["Person"], 80)
        targets = NotificationTargets(
            self.sessions, {"bus": self.sessions}, {"sns": AlertRoute(self.alerts)}, lambda key: key, ExpiringLedger()
        )
        ports = SessionPorts(
            FakeDocuments(),
            lambda: configuration,
            targets,
            self.dead,
            lambda: self.now_ms,
            self.clips,
            lambda _: None,
            lambda: 60_000,
        )
        return {"ports": ports}

    def run(self, roots: Mapping[str, Any]) -> None:
        super().run(roots)
        self.pass_time(roots)

    def pass_time(self, roots: Mapping[str, Any]) -> None:
        for _ in range(12):
            self.now_ms += 60_000
            try:
                pass_time(roots["ports"])
            except RuntimeError as error:  # the run fails, and the next one follows
                self.failures.append(error)

    def results(self) -> set[str]:
        """Session ids contain no stream name, so events are looked up by session."""
        found = set()
        for one in self.sessions.stored.values():
            events = {kind for kind, session_id in self.sessions.events if session_id == one.session_id}
            alerted = any(alert.body["sessionId"] == one.session_id for alert in self.alerts.sent)
            ordered = any(one.session_id in body for body, _ in self.clips.sent)
            if one.closed and {"NEW", "END"} <= events and alerted and ordered:
                found.add(one.stream_name)
        return found

    def repeat(self, action: Action, roots: Mapping[str, Any]) -> None:
        if isinstance(action, InvokeWithChange):
            redeliver(UndeliveredEvent.parse(action.document), roots["ports"])
        else:
            super().repeat(action, roots)

    def redrive(self, roots: Mapping[str, Any]) -> None:
        super().redrive(roots)
        self.pass_time(roots)
