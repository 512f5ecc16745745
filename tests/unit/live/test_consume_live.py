"""The live consumer on fakes, with its threads: order, checkpoints, leases and back-pressure."""

import json
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.analysis.pipeline import DetectionPorts, PipelineSettings
from kinesight.domain.batches import MOST_ATTEMPTS
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.budget import Budget, BudgetLimits
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector
from kinesight.domain.detectors.call_prices import CallPrice
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.detectors.spend import Spend
from kinesight.domain.errors import (
    DetectorBusyError,
    DetectorRejectedError,
    EvidenceGoneError,
    InvalidTimestampError,
    LeaseLostError,
    MediaBusyError,
    StorageBusyError,
    UnreadableMediaError,
)
from kinesight.domain.live import assigned_leases, checkpoints, consume_live, fragment_analyzer, stream_reader
from kinesight.domain.live.consume_live import ConsumerPorts, ConsumerSettings, Ends, consume
from kinesight.domain.live.fragment_analyzer import producer_ms, server_ms
from kinesight.domain.live.leased_streams import ConsumerReport, LeaseChange
from kinesight.domain.live.leases import Lease, LeaseClock, LiveCheckpoint, all_leases, take
from kinesight.domain.live.live_stream import LiveSettings
from kinesight.domain.live.ports import LivePorts, LiveStart
from kinesight.domain.model import Detection, Frame, ResultRecord, from_epoch_ms
from kinesight.domain.ports import Versioned
from kinesight.media.fragments import MediaErrorNotice, MediaFragment, _seconds, read_fragments
from kinesight.media.mkv import BlockEvent
from kinesight.media.mkv_model import Track
from kinesight.media.selection import Keyframe

from tests.builders import NOON_MS
from tests.fakes import (
    EveryStream,
    FakeDeadLetters,
    FakeDetector,
    FakeDocuments,
    FakeLedger,
    FakeSink,
    FakeSpendCounters,
    FakeWork,
)

FIELD_CASES = Path(__file__).resolve().parents[2] / "field_cases"
VIDEO = Track(1, "video", "V_MPEG4/ISO/AVC", b"private", "camera", 320, 240)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits of a consumer are a second or longer."""
    monkeypatch.setattr(consume_live, "_TICK_S", 0.05)
    monkeypatch.setattr(assigned_leases, "_AGAIN_MS", (0, 0))
    monkeypatch.setattr(checkpoints, "_PAUSE_MS_PER_KB", 0)
    monkeypatch.setattr(stream_reader, "_REOPEN_S", 0.05)
    monkeypatch.setattr(fragment_analyzer, "backoff_s", lambda _: 0.02)
    monkeypatch.setattr(stream_reader, "backoff_s", lambda _: 0.02)


def arn(name: str) -> str:
    return f"arn:aws:kinesisvideo:us-east-1:123456789012:stream/{name}/1700000000000"


def fragment(number: int, keyframes: int = 1) -> MediaFragment:
    """Two seconds each."""
    start_s = Decimal(NOON_MS + number * 2000) / 1000
    blocks = tuple(BlockEvent(b"frame", 1, index * 500, True, (slice(None),), None) for index in range(keyframes))
    return MediaFragment(
        number=str(number),
        producer_timestamp=start_s,
        server_timestamp=start_s,
        tags={},
        event_tags={},
        tracks=(VIDEO,),
        timecode_scale_ns=1_000_000,
        cluster_timecode=0,
        blocks=blocks,
        parts=(),
        millis_behind_now=0,
        continuation_token=str(number),
    )


@dataclass
class Cameras:
    """Streams by name; `trouble` is called when one is opened and may raise. Counts the fragments read."""

    streams: dict[str, list[MediaFragment]] = field(default_factory=dict)
    trouble: Callable[[LiveStart], None] = lambda _: None
    read_fragments: int = 0
    starts: list[LiveStart] = field(default_factory=list)

    def read(self, stream_name: str, start: LiveStart) -> Iterator[MediaFragment | MediaErrorNotice]:
        self.starts.append(start)
        self.trouble(start)
        for one in self.streams[stream_name]:
            number, server_ms = int(one.number or 0), int((one.server_timestamp or 0) * 1000)
            if start.after_fragment is not None and number <= int(start.after_fragment):
                continue
            if start.after_fragment is None and server_ms < start.since_ms:
                continue
            self.read_fragments += 1
            yield one


class Stills:
    def to_jpeg(self, keyframe: Keyframe) -> bytes:
        return b"image"


@dataclass
class Watched(FakeDocuments):
    """Records checkpoints that are ahead of a result."""

    sink: FakeSink
    ahead: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def save(self, key: str, body: str, seen_version: int) -> bool:
        saved = super().save(key, body, seen_version)
        checkpoint = Lease.model_validate_json(body).checkpoint
        if saved and checkpoint is not None:
            self.checkpoints.append(checkpoint.fragment_number)
            done = {
                int(ResultRecord.model_validate_json(data).frame.fragment_number or 0) for _, data in self.sink.records
            }
            self.ahead += [str(n) for n in range(1, int(checkpoint.fragment_number) + 1) if n not in done]
        return saved


@dataclass
class World:
    """The environment of one consumer."""

    cameras: Cameras = field(default_factory=Cameras)
    detector: Any = field(default_factory=lambda: FakeDetector((Detection(label="Person", confidence=99),)))
    stills: Any = field(default_factory=Stills)
    sink: FakeSink = field(default_factory=FakeSink)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    work: FakeWork = field(default_factory=FakeWork)
    now_ms: Callable[[], int] = lambda: NOON_MS + 3_600_000
    lasts_ms: int = 60_000
    sampling: dict[str, int] = field(default_factory=lambda: {"inferenceInterval": 1})
    has_detector: bool = True
    in_flight: int = 4
    reported: FrameReport = field(default_factory=FrameReport)
    changes: list[LeaseChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leases = Watched(self.sink)

    def lease(self, name: str, *fragments: MediaFragment) -> None:
        self.cameras.streams[name] = list(fragments)
        lease = Lease(stream_arn=arn(name), stream_name=name, since_ms=NOON_MS)
        self.leases.save(arn(name), lease.model_dump_json(), 0)

    def assigned(self) -> Collection[str]:
        return self.leases.documents

    def known(self, name: str = "cam") -> Lease:
        return Lease.model_validate_json(self.leases.load(arn(name)).body or "")

    def consume(self, until: Callable[[], bool], seconds: float = 10, owner: str = "me") -> ConsumerReport:
        """Runs until a condition holds, then like a function that approaches its timeout."""
        deadline = time.monotonic() + seconds
        ended: list[float] = []

        def remaining_s() -> float:
            if not ended and (until() or time.monotonic() > deadline):
                ended.append(time.monotonic())
            return 100.0 if not ended else 2.0 - (time.monotonic() - ended[0])

        live = LivePorts(
            self.cameras,
            self.stills,
            self.work,
            DetectionPorts(EveryStream(self.detector), self.sink, self.ledger, self.now_ms),
            self.dead,
            self.now_ms,
        )
        chosen = {} if self.has_detector else {"detector": None}

        def configuration() -> Configuration:
            return Configuration(CameraSettings.model_validate({"live": self.sampling, **chosen}))

        plan = ConsumerSettings(
            LiveSettings(
                PipelineSettings(configuration, concurrent_detections=4),
                self.in_flight,
            ),
            workers=4,
        )
        ports = ConsumerPorts(
            self.leases,
            LeaseClock(self.now_ms, self.lasts_ms),
            live,
            self.assigned,
            remaining_s,
            emit_stream=self._add_report,
            log_lease=self.changes.append,
        )
        report = consume(owner, plan, ports, Ends(stop_s=5.0, abandon_s=1.0))
        assert time.monotonic() < deadline + 5
        return report

    def _add_report(self, _name: str, _counted: Mapping[str, int], frames: FrameReport) -> None:
        self.reported += frames

    def reached(self, name: str = "cam") -> str | None:
        checkpoint = self.known(name).checkpoint
        return checkpoint.fragment_number if checkpoint else None

    def records(self) -> list[ResultRecord]:
        return [ResultRecord.model_validate_json(data) for _, data in self.sink.records]

    def results(self) -> list[str]:
        return [str(one.frame.fragment_number) for one in self.records()]


def test_every_keyframe_has_a_result_and_the_checkpoint_is_the_last_fragment() -> None:
    world = World()
    for name in ("one", "two", "three"):
        world.lease(name, *(fragment(number, keyframes=2) for number in range(1, 21)))

    report = world.consume(lambda: len(world.sink.records) == 120)

    assert len(world.sink.records) == 120
    assert {world.known(name).checkpoint for name in ("one", "two", "three")} == {
        LiveCheckpoint(fragment_number="20", server_ms=NOON_MS + 40_000, sampler_state=0)
    }
    assert {world.known(name).owner for name in ("one", "two", "three")} == {None}
    assert (report.taken, report.released, report.lost) == (3, 3, 0)
    assert report.streams["one"].seen == report.streams["one"].analyzed == 40


def test_the_next_consumer_continues_where_the_last_one_ended() -> None:
    world = World(sampling={"inferenceInterval": 3})
    world.lease("cam", *(fragment(number) for number in range(1, 8)))
    world.consume(lambda: world.known().checkpoint is not None and len(world.sink.records) == 3)
    world.cameras.streams["cam"] += [fragment(number) for number in range(8, 15)]
    world.consume(lambda: len(world.sink.records) == 5, owner="you")

    assert sorted(world.results(), key=int) == ["1", "4", "7", "10", "13"]
    assert len(world.detector.analyzed_keys) == 5


def test_no_checkpoint_is_ahead_of_a_result_while_the_model_fails() -> None:
    failing = {f"live/cam/{number}_{NOON_MS + number * 2000}.jpg": 3 for number in range(1, 30, 3)}

    class Moody(FakeDetector):
        def detect(self, frame: Frame, spend: object = None) -> ModelOutput:
            if failing.get(frame.image.key, 0):
                failing[frame.image.key] -= 1
                raise DetectorBusyError("throttled")
            return super().detect(frame, spend)

    world = World(detector=Moody((Detection(label="Person", confidence=99),)))
    world.lease("cam", *(fragment(number) for number in range(1, 31)))

    report = world.consume(lambda: len(world.sink.records) == 30, seconds=30)

    assert sorted(map(int, world.results())) == list(range(1, 31))
    assert world.leases.ahead == []
    assert world.leases.checkpoints == sorted(world.leases.checkpoints, key=int)
    assert report.streams["cam"].retried == 30


def test_a_slow_model_stops_reading_from_the_network() -> None:
    gate = threading.Event()

    class Slow(FakeDetector):
        def detect(self, frame: Frame, spend: object = None) -> ModelOutput:
            gate.wait(10)
            return super().detect(frame, spend)

    world = World(detector=Slow(), in_flight=3)
    world.lease("cam", *(fragment(number) for number in range(1, 101)))
    most: list[int] = []

    def opened() -> bool:
        if not most and world.cameras.read_fragments:
            time.sleep(0.5)
            most.append(world.cameras.read_fragments)
            gate.set()
        return len(world.sink.records) == 100

    world.consume(opened)

    assert most[0] <= 3 + 2
    assert sorted(map(int, world.results())) == list(range(1, 101))


def test_a_lease_that_another_consumer_took_is_left_alone() -> None:
    world = World()
    world.lease("cam", *(fragment(number) for number in range(1, 4)))

    def stolen() -> bool:
        if world.leases.checkpoints[-1:] == ["3"] and world.known().owner == "me":
            found = world.leases.load(arn("cam"))
            theirs = Lease.model_validate_json(found.body or "").model_copy(
                update={"owner": "you", "expires_at_ms": NOON_MS * 2}
            )
            if world.leases.save(arn("cam"), theirs.model_dump_json(), found.version):
                world.cameras.streams["cam"] += [fragment(4)]
        return world.known().owner == "you" and len(world.sink.records) == 4

    report = world.consume(stolen)

    assert (report.lost, report.released) == (1, 0)
    assert [(one.what, one.stream_name, one.consumer, one.reason) for one in world.changes] == [
        ("lease taken", "cam", "me", "free"),
        ("lease lost", "cam", "me", "another consumer took it"),
    ]
    assert world.known().owner == "you"
    assert world.leases.checkpoints[-1] == "3"


def test_a_lease_of_a_consumer_that_stopped_and_its_release_are_logged() -> None:
    world = World()
    world.lease("cam", fragment(1))
    found = world.leases.load(arn("cam"))
    expired = Lease.model_validate_json(found.body or "").model_copy(update={"owner": "you", "expires_at_ms": NOON_MS})
    world.leases.save(arn("cam"), expired.model_dump_json(), found.version)

    world.consume(lambda: len(world.sink.records) == 1)

    assert [(one.what, one.reason) for one in world.changes] == [
        ("lease taken", "expired at you"),
        ("lease released", "the consumer ends"),
    ]


def test_a_camera_that_is_added_or_recreated_is_read_by_a_consumer_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assigned_leases, "_AGAIN_MS", (3_000, 6_000))
    now_ms, read_at_ms = [NOON_MS + 3_600_000], [0]
    world = World(now_ms=lambda: now_ms[0])
    world.lease("cam", fragment(1))

    def add_camera() -> bool:
        if len(world.sink.records) == 1 and not read_at_ms[0]:
            read_at_ms[0] = now_ms[0]
            world.lease("added", fragment(1))
        now_ms[0] += 500
        return len(world.sink.records) == 2

    world.consume(add_camera)

    assert (world.reached("cam"), world.reached("added")) == ("1", "1")
    assert now_ms[0] - read_at_ms[0] < 10_000


def test_a_stream_that_is_assigned_to_another_consumer_is_released() -> None:
    world = World()
    for name in ("kept", "moved"):
        world.lease(name, fragment(1))
    streams = [arn("kept"), arn("moved")]
    world.assigned = lambda: tuple(streams)  # type: ignore[method-assign]  # as the conductor writes it

    def move() -> bool:
        if len(world.sink.records) == 2 and len(streams) == 2:
            streams.pop()
        return len(streams) == 1 and world.known("moved").owner is None

    world.consume(move)

    released = [(one.stream_name, one.reason) for one in world.changes if one.what == "lease released"]
    assert released == [("moved", "the stream is not assigned any more"), ("kept", "the consumer ends")]


def test_a_late_renewal_is_logged() -> None:
    now_ms = [NOON_MS + 3_600_000]
    world = World(now_ms=lambda: now_ms[0])
    world.lease("cam", fragment(1))

    def late() -> bool:
        if len(world.sink.records) == 1 and now_ms[0] == NOON_MS + 3_600_000:
            now_ms[0] += 50_000
        return any(one.what == "lease renewed late" for one in world.changes)

    world.consume(late)

    assert ("lease renewed late", "cam", "me") in [(one.what, one.stream_name, one.consumer) for one in world.changes]


def test_a_lease_is_taken_once_and_again_after_it_expired() -> None:
    documents, now = FakeDocuments(), [1000]
    clock = LeaseClock(lambda: now[0], lasts_ms=100)
    documents.save(arn("cam"), Lease(stream_arn=arn("cam"), stream_name="cam", since_ms=0).model_dump_json(), 0)
    (found,) = all_leases(documents).values()

    mine = take("me", *found, documents, clock)
    assert mine is not None
    assert take("you", *found, documents, clock) is None
    (found,) = all_leases(documents).values()
    assert take("you", *found, documents, clock) is None

    now[0] += 100
    theirs = take("you", *found, documents, clock)
    assert theirs is not None
    for call in (
        mine.renew,
        mine.release,
        lambda: mine.move(LiveCheckpoint(fragment_number="1", server_ms=0, sampler_state=0)),
    ):
        with pytest.raises(LeaseLostError):
            call()
    assert theirs.lease.owner == "you"


def test_a_keyframe_that_can_never_be_analyzed_is_dead_lettered_and_passed() -> None:
    bad = f"live/cam/2_{NOON_MS + 4000}.jpg"
    world = World(detector=FakeDetector(failures={bad: DetectorRejectedError("no")}))
    world.lease("cam", *(fragment(number) for number in range(1, 4)))

    report = world.consume(lambda: len(world.sink.records) == 2 and len(world.dead.sent) == 1)

    assert report.streams["cam"].dead_lettered == 1
    ((body, _),) = world.dead.sent
    moment = from_epoch_ms(NOON_MS + 4000).isoformat(timespec="milliseconds")
    assert json.loads(body) == {"streamName": "cam", "fragmentNumber": "2", "imageTimestamp": moment}
    known = world.known().checkpoint
    assert known is not None
    assert known.fragment_number == "3"


def test_a_keyframe_over_budget_is_passed_and_counted() -> None:
    world = World()
    budget = Budget(BudgetLimits(3, None, 100), FakeSpendCounters(), world.now_ms)
    world.detector = BudgetedDetector(FakeDetector(), "REKOGNITION_LABELS", CallPrice(1), budget)
    world.lease("cam", *(fragment(number) for number in range(1, 6)))

    report = world.consume(lambda: world.reached() == "5")

    counts = report.streams["cam"]
    assert (counts.analyzed, counts.over_budget, counts.already_analyzed, counts.retried) == (3, 2, 0, 0)
    assert world.dead.sent == []
    assert world.reported.spend == {("cam", "REKOGNITION_LABELS"): Spend(calls=3, micro_usd=3, stopped=2)}
    assert (world.reported.counts["cam"].analyzed, world.reported.counts["cam"].over_budget) == (3, 2)


def test_a_consumer_that_ends_unexpectedly_has_reported_its_frames() -> None:
    world = World()
    world.lease("cam", *(fragment(number) for number in range(1, 4)))

    def ends() -> bool:
        if world.reached() == "3":
            raise RuntimeError("a defect")
        return False

    with pytest.raises(RuntimeError, match="a defect"):
        world.consume(ends)

    assert world.reported.counts["cam"].analyzed == 3


def test_a_fragment_dated_beyond_the_calendar_is_timed_by_the_server() -> None:
    body = (FIELD_CASES / "11-date-beyond-the-calendar" / "three-fragments.kvs.mkv").read_bytes()
    fragments = [one for one in read_fragments([body]) if isinstance(one, MediaFragment)]
    world = World(now_ms=lambda: server_ms(fragments[-1]) + 3_600_000)
    world.lease("cam", *(replace(one, number=str(index)) for index, one in enumerate(fragments, 1)))

    world.consume(lambda: world.reached() == "3")

    assert world.dead.sent == []
    records = {int(one.frame.fragment_number or 0): one.frame for one in world.records()}
    assert sorted(records) == [1, 2, 3]
    assert records[2].image_timestamp == records[2].server_timestamp
    assert (records[1].producer_timestamp is None, records[2].producer_timestamp is None) == (False, True)


@pytest.mark.parametrize("text", ["253402300800", "1e999999", "NaN", "-1", "sNaN", "Infinity", "1" * 5000, ""])
def test_a_producer_timestamp_that_is_none_is_that_of_the_server(text: str) -> None:
    body = (FIELD_CASES / "11-date-beyond-the-calendar" / "three-fragments.kvs.mkv").read_bytes()
    (first, *_) = [one for one in read_fragments([body]) if isinstance(one, MediaFragment)]
    tags = {"AWS_KINESISVIDEO_PRODUCER_TIMESTAMP": text, "AWS_KINESISVIDEO_SERVER_TIMESTAMP": "1767268800.250"}

    found = _seconds(tags, "PRODUCER"), _seconds(tags, "SERVER")

    assert found == (None, Decimal("1767268800.250"))
    assert producer_ms(replace(first, producer_timestamp=found[0], server_timestamp=found[1])) == 1_767_268_800_250


def test_a_keyframe_at_an_impossible_time_is_dead_lettered_and_passed() -> None:
    world = World()
    late = BlockEvent(b"frame", 1, 2**60, True, (slice(None),), None)
    odd = replace(fragment(2), blocks=(BlockEvent(b"frame", 1, 0, True, (slice(None),), None), late))
    world.lease("cam", fragment(1), odd, fragment(3))

    world.consume(lambda: world.reached() == "3")

    assert sorted(world.results()) == ["1", "2", "3"]
    ((body, error),) = world.dead.sent
    assert (json.loads(body), type(error)) == ({"streamName": "cam", "fragmentNumber": "2"}, InvalidTimestampError)


def test_a_malformed_fragment_is_dead_lettered_after_three_reads() -> None:
    world = World()
    world.lease("cam", *(fragment(number) for number in range(1, 5)))
    read = world.cameras.read

    def unreadable(stream_name: str, start: LiveStart) -> Iterator[MediaFragment | MediaErrorNotice]:
        for one in read(stream_name, start):
            if isinstance(one, MediaFragment) and one.number == "2":
                raise UnreadableMediaError("zeros, in fragment 2", "2")
            yield one

    world.cameras.read = unreadable  # type: ignore[method-assign]  # this camera is broken

    report = world.consume(lambda: world.reached() == "4")

    assert sorted(world.results()) == ["1", "3", "4"]
    assert world.reached() == "4"
    assert [(json.loads(body)["fragmentNumber"], type(error)) for body, error in world.dead.sent] == [
        ("2", UnreadableMediaError)
    ]
    assert report.streams["cam"].dead_lettered == 1
    assert world.cameras.starts.count(LiveStart(after_fragment="1")) == 2


def test_a_fragment_that_can_be_read_the_second_time_is_analyzed() -> None:
    world, troubles = World(), iter([UnreadableMediaError("zeros", "1")])

    def trouble(_: LiveStart) -> None:
        error = next(troubles, None)
        if error is not None:
            raise error

    world.cameras.trouble = trouble
    world.lease("cam", fragment(1))

    world.consume(lambda: len(world.sink.records) == 1)

    assert world.results() == ["1"]
    assert world.dead.sent == []


def test_old_fragments_are_dropped_only_if_configured() -> None:
    world = World(sampling={"inferenceInterval": 1, "dropAfterSeconds": 3_593}, now_ms=lambda: NOON_MS + 3_600_000)
    world.lease("cam", *(fragment(number) for number in range(1, 6)))

    report = world.consume(lambda: world.reached() == "5")

    assert report.streams["cam"].dropped == 3
    assert sorted(world.results()) == ["4", "5"]


def test_buffered_fragments_are_sampled_by_producer_time() -> None:
    """The camera had no network for six seconds; then three fragments reached the server within one second."""
    world = World(sampling={"samplingInterval": 1000})
    at_once = Decimal(NOON_MS + 8000) / 1000
    delayed = [replace(fragment(n), server_timestamp=at_once + Decimal(n) / 20) for n in range(1, 4)]
    world.lease("cam", *delayed)

    world.consume(lambda: world.reached() == "3")

    assert sorted(world.results()) == ["1", "2", "3"]


def test_a_checkpoint_older_than_retention_is_a_warning() -> None:
    world = World()
    world.lease("cam", fragment(7), fragment(8))
    found = world.leases.load(arn("cam"))
    checkpoint = LiveCheckpoint(fragment_number="3", server_ms=NOON_MS + 6000, sampler_state=0)
    lease = Lease.model_validate_json(found.body or "").model_copy(update={"checkpoint": checkpoint})
    FakeDocuments.save(world.leases, arn("cam"), lease.model_dump_json(), found.version)

    def gone(start: LiveStart) -> None:
        if start.after_fragment == "3":
            raise EvidenceGoneError("gone")

    world.cameras.trouble = gone
    report = world.consume(lambda: len(world.sink.records) == 2)

    assert world.cameras.starts[:2] == [LiveStart(after_fragment="3"), LiveStart(since_ms=NOON_MS + 6000)]
    assert "is gone; continuing with the first that is left" in report.streams["cam"].warnings[0]


def test_a_throttled_stream_is_opened_again() -> None:
    world, troubles = World(), iter([MediaBusyError("busy")])

    def trouble(_: LiveStart) -> None:
        error = next(troubles, None)
        if error is not None:
            raise error

    world.cameras.trouble = trouble
    world.lease("cam", fragment(1))

    assert world.consume(lambda: len(world.sink.records) == 1).streams["cam"].warnings == ["cam: MediaBusyError: busy"]


def test_a_range_that_a_defect_keeps_from_being_read_is_dead_lettered_and_passed() -> None:
    world, now_ms = World(), NOON_MS + 3_600_000
    later = replace(fragment(9), server_timestamp=Decimal(now_ms + 1000) / 1000)

    def defect(start: LiveStart) -> None:
        if start.since_ms < now_ms:
            raise ZeroDivisionError("oops")

    world.cameras.trouble = defect
    world.lease("cam", fragment(1), later)

    report = world.consume(lambda: world.reached() == "9")

    assert world.results() == ["9"]
    assert world.cameras.starts.count(LiveStart(since_ms=NOON_MS)) == MOST_ATTEMPTS
    ((body, reason),) = world.dead.sent
    assert json.loads(body) == {
        "streamName": "cam",
        "startTimestamp": from_epoch_ms(NOON_MS).isoformat(timespec="milliseconds"),
        "endTimestamp": from_epoch_ms(now_ms).isoformat(timespec="milliseconds"),
    }
    assert repr(reason) == "UnexpectedError('ZeroDivisionError: oops')"
    assert "cam: UnexpectedError: ZeroDivisionError: oops" in report.streams["cam"].warnings


def test_a_fragment_that_a_defect_keeps_from_being_sampled_is_dead_lettered_alone() -> None:
    world = World()
    world.lease("cam", fragment(1), replace(fragment(2), timecode_scale_ns=None), fragment(3))  # type: ignore[arg-type]

    world.consume(lambda: world.reached() == "3" and len(world.dead.sent) == 1)

    assert sorted(world.results()) == ["1", "3"]
    ((body, reason),) = world.dead.sent
    assert json.loads(body)["fragmentNumber"] == "2"
    assert str(reason).startswith("TypeError: ")


def test_a_throttled_checkpoint_is_retried() -> None:
    world, calls = World(), iter([False, True, True])

    class Busy(Watched):
        def save(self, key: str, body: str, seen_version: int) -> bool:
            if Lease.model_validate_json(body).checkpoint is not None and next(calls, False):
                raise StorageBusyError("busy")
            return super().save(key, body, seen_version)

    world.leases = Busy(world.sink)
    world.lease("cam", *(fragment(number) for number in range(1, 6)))
    world.consume(lambda: world.reached() == "5")

    assert world.leases.checkpoints[-1] == "5"
    assert isinstance(world.leases.load(arn("cam")), Versioned)


def test_a_keyframe_is_converted_once_however_often_it_is_analyzed() -> None:
    class Moody(FakeDetector):
        def detect(self, frame: Frame, spend: object = None) -> ModelOutput:
            output = super().detect(frame, spend)
            if len(self.analyzed_keys) < 4:
                raise DetectorBusyError("throttled")
            return output

    @dataclass
    class Counted(Stills):
        made: int = 0

        def to_jpeg(self, keyframe: Keyframe) -> bytes:
            self.made += 1
            return super().to_jpeg(keyframe)

    world = World(detector=Moody(), stills=Counted())
    world.lease("cam", fragment(1))
    world.consume(lambda: len(world.sink.records) == 1)

    assert (len(world.detector.analyzed_keys), world.stills.made) == (4, 1)


def test_a_camera_without_a_detector_is_read_past() -> None:
    world = World(has_detector=False)
    world.lease("cam", *(fragment(number) for number in range(1, 4)))

    world.consume(lambda: world.reached() == "3")

    assert (world.results(), world.work.objects) == ([], {})
    assert world.known().owner is None


def test_another_sampling_applies_to_the_next_fragment() -> None:
    world = World(sampling={"samplingInterval": 200})
    world.lease("cam", *(fragment(number) for number in range(1, 9)))
    read = world.cameras.read

    def read_and_change(stream_name: str, start: LiveStart) -> Iterator[MediaFragment | MediaErrorNotice]:
        for one in read(stream_name, start):
            if isinstance(one, MediaFragment) and one.number == "5":
                world.sampling["samplingInterval"] = 8000
            yield one

    world.cameras.read = read_and_change  # type: ignore[method-assign]  # the document changes while it is read
    world.consume(lambda: world.reached() == "8")

    # NOON is the start of an interval of eight seconds: fragment 4 starts the next one, and 8 the one after it.
    assert {"1", "2", "3", "4"} <= set(world.results())
    assert len(world.results()) < 8
