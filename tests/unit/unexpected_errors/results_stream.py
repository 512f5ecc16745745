"""Scenarios of the functions that receive batches of the results stream."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kinesight.domain.analysis.result_records import archive_key, encode_record, evidence_keys
from kinesight.domain.batches import StreamedRecord
from kinesight.domain.configuration.camera import KeepSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.errors import DeliveryError
from kinesight.domain.evidence.keep_evidence import EvidencePorts, keep_batch
from kinesight.domain.model import ResultRecord, from_epoch_ms
from kinesight.domain.ports import Alert
from kinesight.domain.sessions.model import UndeliveredEvent
from kinesight.domain.sessions.outbox import AlertRoute, NotificationTargets
from kinesight.domain.sessions.track_sessions import SessionPorts, pass_time, redeliver, track_batch
from kinesight_cli.redrive.actions import Action, InvokeWithChange, InvokeWithRecord

from tests.builders import NOON_MS, a_fragment_number, a_frame, a_record, an_image_key
from tests.fakes import (
    FakeAlerts,
    FakeAnnotator,
    FakeDelayedMessages,
    FakeDocuments,
    FakeEvidenceStore,
    FakeFragments,
    FakeImageStore,
    FakeSessions,
)
from tests.unit.unexpected_errors.scenario import BAD, ROUTES, STREAMS, ExpiringLedger, Scenario


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
