"""The conductor on fakes: leases for all streams, and as many consumers as they need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from kinesight.domain.errors import LeaseLostError, StorageBusyError, ThrottledError
from kinesight.domain.live.assignments import read_assignment
from kinesight.domain.live.conduct_live import (
    ConductorPorts,
    ConductorReport,
    ConductorSettings,
    conduct,
    save_heartbeat,
)
from kinesight.domain.live.leases import HeldLease, Lease, LeaseClock, LiveCheckpoint, all_leases, take
from kinesight.domain.ports import Versioned, VideoStream
from kinesight.domain.streams.selection import StreamSelection

from tests.builders import NOON_MS
from tests.fakes import FakeDocuments
from tests.fakes_streams import FakeStreamDirectory, VirtualClock


class BusyOnce(FakeDocuments):
    """Documents whose first save fails."""

    def __init__(self, stored: FakeDocuments) -> None:
        super().__init__()
        self.documents = stored.documents
        self.is_busy = True

    def save(self, key: str, body: str, seen_version: int) -> bool:
        if self.is_busy:
            self.is_busy = False
            raise StorageBusyError("throttled")
        return super().save(key, body, seen_version)


@dataclass
class Orchestra:
    """Streams and a clock; consumers are only recorded."""

    registry: FakeStreamDirectory = field(default_factory=FakeStreamDirectory)
    leases: FakeDocuments = field(default_factory=FakeDocuments)
    previous_leases: FakeDocuments = field(default_factory=FakeDocuments)
    assignments: FakeDocuments = field(default_factory=FakeDocuments)
    slots: FakeDocuments = field(default_factory=FakeDocuments)
    started: list[tuple[str, int]] = field(default_factory=list)
    now_ms: int = NOON_MS
    selection: StreamSelection = field(default_factory=lambda: StreamSelection.of(["cam-*"], []))
    is_analyzed: Callable[[str], bool] = lambda _: True

    def start(self, slot: str, share: int) -> None:
        self.started.append((slot, share))

    def conduct(self, per_consumer: int = 10) -> ConductorReport:
        ports = ConductorPorts(
            self.registry,
            self.leases,
            self.previous_leases,
            self.assignments,
            self.slots,
            self,
            VirtualClock(),
            self.now_ms,
        )
        return conduct(ConductorSettings(self.selection, per_consumer, 840_000, self.is_analyzed), ports)

    def stream(self, name: str) -> VideoStream:
        return next(one for one in self.registry.fleet.values() if one.name == name)

    def assigned(self) -> dict[str, tuple[str, ...]]:
        return {slot: read_assignment(found).stream_arns for slot, found in self.assignments.documents.items()}

    def all(self) -> Mapping[str, Lease]:
        return {key: lease for key, (lease, _) in all_leases(self.leases).items()}


def test_consumers_share_the_streams_evenly() -> None:
    orchestra = Orchestra()
    for number in range(21):
        orchestra.registry.add(f"cam-{number}")

    report = orchestra.conduct()

    assert (report.streams, report.added, report.consumers) == (21, 21, 3)
    assert sorted(orchestra.started) == [("0000", 7), ("0001", 7), ("0002", 7)]
    assert [len(arns) for arns in orchestra.assigned().values()] == [7, 7, 7]
    assert {arn for arns in orchestra.assigned().values() for arn in arns} == orchestra.all().keys()


def test_the_report_counts_leases_and_consumers() -> None:
    orchestra = Orchestra()
    for number in range(4):
        orchestra.registry.add(f"cam-{number}")
    orchestra.conduct(2)
    save_heartbeat("0000", NOON_MS + 840_000, NOON_MS, orchestra.slots)
    save_heartbeat("0001", NOON_MS + 840_000, NOON_MS, orchestra.slots)
    clock = LeaseClock(lambda: NOON_MS, 30_000)
    found = list(all_leases(orchestra.leases).values())
    for owner, (lease, version) in zip(("one", "one", "two"), found, strict=False):
        take(owner, lease, version, orchestra.leases, clock)

    report = orchestra.conduct(2)
    assert (report.held, report.active, report.consumers, report.started) == ([1, 2], 2, 2, 0)

    orchestra.now_ms += 60_000
    report = orchestra.conduct(2)
    assert (report.held, report.active, report.started) == ([], 0, 2)


def test_a_second_run_starts_no_consumer_and_a_slot_without_heartbeat_is_filled() -> None:
    orchestra = Orchestra()
    orchestra.registry.add("cam-1")
    orchestra.conduct()
    orchestra.conduct()
    assert len(orchestra.started) == 1

    orchestra.now_ms += 40_000
    save_heartbeat("0000", NOON_MS + 840_000, orchestra.now_ms, orchestra.slots)
    orchestra.now_ms += 25_000
    orchestra.conduct()
    assert len(orchestra.started) == 1

    orchestra.now_ms += 10_000
    orchestra.conduct()
    assert len(orchestra.started) == 2


def test_a_successor_starts_before_its_predecessor_ends() -> None:
    orchestra = Orchestra()
    orchestra.registry.add("cam-1")
    orchestra.conduct()
    mine = NOON_MS + 840_000
    orchestra.now_ms = mine - 70_000
    save_heartbeat("0000", mine, orchestra.now_ms - 5_000, orchestra.slots)

    orchestra.conduct()
    assert len(orchestra.started) == 2

    before = orchestra.slots.load("0000")
    save_heartbeat("0000", mine, orchestra.now_ms + 20_000, orchestra.slots)
    assert orchestra.slots.load("0000") == before


def test_deselected_streams_lose_their_lease_and_reselected_streams_start_afresh() -> None:
    orchestra = Orchestra()
    stream = orchestra.registry.add("cam-1")
    orchestra.conduct()
    found = orchestra.leases.load(stream.arn)
    checkpoint = LiveCheckpoint(fragment_number="9", server_ms=1, sampler_state=0)
    held = Lease.model_validate_json(found.body or "").model_copy(
        update={"owner": "me", "expires_at_ms": NOON_MS * 2, "checkpoint": checkpoint}
    )
    orchestra.leases.save(stream.arn, held.model_dump_json(), found.version)

    orchestra.selection = StreamSelection.of(["other"], [])
    assert orchestra.conduct().retired == 1
    assert orchestra.all()[stream.arn].retired

    orchestra.selection = StreamSelection.of(["cam-*"], [])
    orchestra.now_ms += 5
    assert orchestra.conduct().added == 1
    assert orchestra.all()[stream.arn] == Lease(
        stream_arn=stream.arn, stream_name="cam-1", since_ms=orchestra.now_ms, expires_at_ms=NOON_MS * 2
    )


def test_a_stream_with_unreadable_tags_keeps_its_lease() -> None:
    orchestra = Orchestra(selection=StreamSelection.of([], [{"key": "Place", "values": []}]))
    stream = orchestra.registry.add("cam-1", Place="Porch")
    orchestra.conduct()

    def busy(api: str, _: str) -> None:
        if api == "ListTagsForStream":
            raise ThrottledError("slow down")

    orchestra.registry.before_call = busy
    report = orchestra.conduct()

    assert report.retired == 0
    assert not orchestra.all()[stream.arn].retired
    assert report.warnings == ["cam-1: ThrottledError: slow down"]


def test_a_stream_without_a_detector_has_no_lease() -> None:
    orchestra = Orchestra(is_analyzed=lambda name: name != "cam-2")
    for number in range(1, 4):
        orchestra.registry.add(f"cam-{number}")

    report = orchestra.conduct()

    assert (report.streams, report.added) == (2, 2)
    assert {lease.stream_name for lease in orchestra.all().values()} == {"cam-1", "cam-3"}


def test_a_lease_or_slot_that_cannot_be_read_begins_afresh_and_leaves_the_others_alone() -> None:
    orchestra = Orchestra()
    first, second = (orchestra.registry.add(name) for name in ("cam-1", "cam-2"))
    orchestra.conduct()
    orchestra.leases.documents[first.arn] = Versioned(5, '{"streamArn": 1}')
    orchestra.slots.documents["0000"] = Versioned(3, "[")
    assert list(orchestra.all()) == [second.arn]

    orchestra.now_ms += 1
    report = orchestra.conduct()

    assert report.warnings == ["cam-1: its lease cannot be read, so reading begins now"]
    assert orchestra.all()[first.arn].since_ms == orchestra.now_ms
    assert orchestra.all()[second.arn].since_ms == NOON_MS
    assert report.started == 1


def test_a_camera_that_is_added_or_recreated_is_assigned_to_a_consumer_that_runs() -> None:
    orchestra = Orchestra()
    for number in range(3):
        orchestra.registry.add(f"cam-{number}")
    orchestra.conduct()
    before = orchestra.assigned()["0000"]

    old = orchestra.stream("cam-0")
    new = replace(old, arn=old.arn.replace("1700000000000", "1700000000001"))
    del orchestra.registry.fleet[old.arn]
    orchestra.registry.fleet[new.arn] = new
    added = orchestra.registry.add("cam-3")
    report = orchestra.conduct()

    assert (report.added, report.retired, report.started) == (2, 1, 0)
    assert set(orchestra.assigned()["0000"]) == {*before, new.arn, added.arn} - {old.arn}


def test_a_slot_without_streams_has_no_consumer() -> None:
    orchestra = Orchestra()
    for number in range(4):
        orchestra.registry.add(f"cam-{number}")
    orchestra.conduct(2)
    for number in (0, 1, 2):
        del orchestra.registry.fleet[orchestra.stream(f"cam-{number}").arn]
    orchestra.now_ms += 60_000
    orchestra.conduct(2)
    orchestra.started.clear()

    orchestra.now_ms += 60_000
    report = orchestra.conduct(2)

    assert (report.consumers, orchestra.started) == (1, [("0000", 1)])
    assert [len(arns) for arns in orchestra.assigned().values()] == [1, 0]


def test_heavy_streams_have_fewer_neighbors() -> None:
    orchestra = Orchestra()
    for number in range(4):
        orchestra.registry.add(f"cam-{number}")
    orchestra.conduct()
    found = orchestra.leases.load(orchestra.assigned()["0000"][0])
    heavy = Lease.model_validate_json(found.body or "").model_copy(update={"weight": 9.0})
    orchestra.leases.save(heavy.stream_arn, heavy.model_dump_json(), found.version)

    orchestra.conduct()

    assert sorted(len(arns) for arns in orchestra.assigned().values()) == [2, 2]


def test_consumers_are_started_although_streams_cannot_be_listed() -> None:
    orchestra = Orchestra()
    orchestra.registry.add("cam-1")
    orchestra.conduct()
    orchestra.now_ms += 60_000

    def busy(_api: str, _name: str) -> None:
        raise ThrottledError("slow down")

    orchestra.registry.before_call = busy
    with pytest.raises(ThrottledError):
        orchestra.conduct()

    assert len(orchestra.started) == 2


def previous_lease(orchestra: Orchestra, arn: str, **more: Any) -> Lease:
    checkpoint = LiveCheckpoint(fragment_number="9", server_ms=1, sampler_state=0)
    lease = Lease(stream_arn=arn, stream_name="cam-1", since_ms=1, checkpoint=checkpoint, **more)
    orchestra.previous_leases.save(arn, lease.model_dump_json(), orchestra.previous_leases.load(arn).version)
    return lease


def test_a_lease_of_the_previous_version_is_taken_from_its_consumer_and_continued() -> None:
    orchestra = Orchestra()
    arn = orchestra.registry.add("cam-1").arn
    lease = previous_lease(orchestra, arn, owner="old", expires_at_ms=NOON_MS * 2)
    clock = LeaseClock(lambda: NOON_MS, 30_000)
    theirs = HeldLease(lease, 1, orchestra.previous_leases, clock)

    report = orchestra.conduct()

    with pytest.raises(LeaseLostError):
        theirs.renew()
    assert orchestra.all()[arn].checkpoint == lease.checkpoint
    assert (orchestra.all()[arn].owner, report.added, report.streams) == (None, 0, 1)
    assert orchestra.assigned() == {"0000": (arn,)}
    before = dict(orchestra.leases.documents)
    orchestra.conduct()
    assert orchestra.leases.documents == before


def test_a_lease_that_was_half_moved_is_continued_and_one_that_was_retired_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orchestra = Orchestra()
    arn, retired = orchestra.registry.add("cam-1").arn, orchestra.registry.add("cam-2").arn
    previous_lease(orchestra, retired, retired=True)
    previous_lease(orchestra, arn)
    with monkeypatch.context() as ends_in_between:
        ends_in_between.setattr(orchestra.leases, "save", lambda *_: False)
        orchestra.conduct()

    orchestra.conduct()

    checkpoint = orchestra.all()[arn].checkpoint
    assert checkpoint is not None
    assert checkpoint.fragment_number == "9"
    assert orchestra.all()[retired].checkpoint is None


@pytest.mark.parametrize("failing", ["previous_leases", "leases"])
def test_a_lease_that_cannot_be_moved_yet_keeps_its_checkpoint(failing: str) -> None:
    orchestra = Orchestra()
    arn = orchestra.registry.add("cam-1").arn
    lease = previous_lease(orchestra, arn, owner="old", expires_at_ms=NOON_MS * 2)
    setattr(orchestra, failing, BusyOnce(getattr(orchestra, failing)))

    busy, report = orchestra.conduct(), orchestra.conduct()

    assert [type(one) for one in busy.errors] == [StorageBusyError]
    assert orchestra.all()[arn].checkpoint == lease.checkpoint
    assert (busy.consumers, report.consumers, report.errors) == (0, 1, [])


def test_a_lease_that_the_previous_conductor_brings_back_is_retired_again() -> None:
    orchestra = Orchestra()
    arn = orchestra.registry.add("cam-1").arn
    orchestra.conduct()
    mine = orchestra.leases.load(arn)
    previous_lease(orchestra, arn)

    orchestra.conduct()

    assert Lease.model_validate_json(orchestra.previous_leases.load(arn).body or "").retired
    assert orchestra.leases.load(arn) == mine
