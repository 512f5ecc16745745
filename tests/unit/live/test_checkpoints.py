"""Checkpoints of one live stream: in order, as few writes as possible, none past an unfinished fragment."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event

import pytest
from kinesight.domain.errors import LeaseLostError, StorageBusyError
from kinesight.domain.live.backoff import backoff_s
from kinesight.domain.live.checkpoints import CheckpointPace, Checkpoints, InFlight, finished
from kinesight.domain.live.counts import LiveCounts
from kinesight.domain.live.leases import HeldLease, Lease, LeaseClock, LiveCheckpoint
from kinesight.domain.live.stream_state import StreamState

from tests.fakes import FakeDocuments

ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/cam/1700000000000"
LEASE = Lease(stream_arn=ARN, stream_name="cam", since_ms=0, owner="me", expires_at_ms=1000)


@dataclass
class RecordedLease(HeldLease):
    """Records checkpoints; raises `failures` first."""

    failures: list[Exception] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(LEASE, 1, FakeDocuments(), LeaseClock(lambda: 0, 1000))

    def move(self, checkpoint: LiveCheckpoint) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.moves.append(checkpoint.fragment_number)


def in_flight(number: int, future: Future[bool] | None = None) -> InFlight:
    checkpoint = LiveCheckpoint(fragment_number=str(number), server_ms=0, sampler_state=0)
    return InFlight(checkpoint, future or finished())


def given_up() -> Future[bool]:
    future: Future[bool] = Future()
    future.set_result(False)
    return future


def commit(lease: RecordedLease, *fragments: InFlight | None) -> StreamState:
    state = StreamState(lease, LiveCounts(), Event(), Event())
    checkpoints = Checkpoints(state, capacity=10)
    for one in fragments:
        checkpoints.add(one)
    checkpoints.commit()
    return state


def test_the_first_checkpoint_is_stored_at_once_and_those_of_the_next_seconds_as_one() -> None:
    lease = RecordedLease()

    state = commit(lease, in_flight(1), in_flight(2), in_flight(3), None)

    assert lease.moves == ["1", "3"]
    assert state.counts.checkpoints == 2


@pytest.mark.parametrize(("kilobytes", "pause_ms"), [(1, 4_000), (2, 8_000)])
def test_a_checkpoint_is_stored_at_most_every_few_seconds(kilobytes: int, pause_ms: int) -> None:
    now_ms = [0]
    lease = HeldLease(LEASE, 1, FakeDocuments(), LeaseClock(lambda: now_ms[0], 30_000))
    lease.kilobytes = kilobytes
    pace = CheckpointPace(lease)

    assert pace.is_due()
    pace.restart()
    now_ms[0] = pause_ms - 1
    assert not pace.is_due()
    now_ms[0] = pause_ms
    assert pace.is_due()


def test_a_finished_fragment_is_stored_while_the_next_one_is_analyzed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinesight.domain.live.checkpoints._PAUSE_MS_PER_KB", 100)
    slow: Future[bool] = Future()

    @dataclass
    class Timed(RecordedLease):
        time_ms: int = 0

        def now_ms(self) -> int:
            self.time_ms += 20
            return self.time_ms

        def move(self, checkpoint: LiveCheckpoint) -> None:
            super().move(checkpoint)
            if checkpoint.fragment_number == "2":
                slow.set_result(True)

    lease = Timed()
    commit(lease, in_flight(1), in_flight(2), in_flight(3, slow), None)

    assert lease.moves == ["1", "2", "3"]


def test_the_checkpoint_never_passes_a_fragment_that_was_given_up() -> None:
    lease = RecordedLease()

    commit(lease, in_flight(1), in_flight(2, given_up()), in_flight(3), None)

    assert lease.moves == ["1"]


def test_a_transient_error_is_retried_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinesight.domain.live.checkpoints.backoff_s", lambda _attempt: 0.0)
    lease = RecordedLease(failures=[StorageBusyError("busy"), StorageBusyError("busy")])

    state = commit(lease, in_flight(1), None)

    assert lease.moves == ["1"]
    assert state.counts.warnings == ["cam: StorageBusyError: busy"]


def test_a_lost_lease_moves_nothing() -> None:
    lease = RecordedLease(failures=[LeaseLostError("taken")])

    assert commit(lease, in_flight(1), None).counts.checkpoints == 0
    assert lease.moves == []


def test_nothing_is_added_or_committed_once_the_stream_has_failed() -> None:
    lease = RecordedLease()
    state = StreamState(lease, LiveCounts(), Event(), Event())
    state.failed.set()
    checkpoints = Checkpoints(state, capacity=1)

    for number in range(3):
        checkpoints.add(in_flight(number))  # does not block, though there is room for one
    checkpoints.commit()

    assert lease.moves == []


def test_the_backoff_is_random_up_to_a_limit() -> None:
    pauses = [backoff_s(attempt) for attempt in range(100)]

    assert pauses[0] <= 0.25
    assert 0 < max(pauses) <= 15.0
    assert len(set(pauses)) == 100


def test_counts_are_reported_as_differences() -> None:
    counts = LiveCounts()
    counts.add(seen=3, dropped=1)
    counts.raise_to(lag_ms=5)
    counts.raise_to(lag_ms=2)

    first = counts.since_last()
    counts.add(seen=1)
    second = counts.since_last()

    assert (first["seen"], first["dropped"], first["lag_ms"]) == (3, 1, 5)
    assert (second["seen"], second["dropped"], second["lag_ms"]) == (1, 0, 0)
