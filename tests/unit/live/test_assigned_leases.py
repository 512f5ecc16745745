"""When a consumer tries to take the leases that are assigned to it."""

import pytest
from kinesight.domain.errors import LeaseLostError, StorageBusyError
from kinesight.domain.live.assigned_leases import AssignedLeases
from kinesight.domain.live.leases import HeldLease, Lease, LeaseClock, LiveCheckpoint
from kinesight.domain.ports import Versioned
from pydantic import ValidationError

from tests.fakes import FakeDocuments

ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/cam/1700000000000"


class Counted(FakeDocuments):
    """Counts reads."""

    loads = 0

    def load(self, key: str) -> Versioned:
        self.loads += 1
        return super().load(key)


class World:
    """One lease and a clock."""

    def __init__(self, lasts_ms: int = 30_000) -> None:
        self.now_ms = 1_000_000
        self.documents = Counted()
        self.streams: list[str] = [ARN]
        self.clock = LeaseClock(lambda: self.now_ms, lasts_ms)
        self.store(Lease(stream_arn=ARN, stream_name="cam", since_ms=0))

    def store(self, lease: Lease) -> None:
        self.documents.save(ARN, lease.model_dump_json(), self.documents.load(ARN).version)

    def consumer(self, owner: str = "me") -> AssignedLeases:
        leases = AssignedLeases(owner, lambda: self.streams, self.documents, self.clock)
        leases.refresh()
        return leases


def test_a_free_lease_is_taken_at_once_with_one_read() -> None:
    world = World()
    leases, before = world.consumer(), world.documents.loads

    assert leases.due(()) == [ARN]
    assert leases.due((ARN,)) == []
    taken = leases.take(ARN)

    assert taken is not None
    assert taken[1].lease.owner == "me"
    assert world.documents.loads - before == 2  # the second one is FakeDocuments.save


def test_a_held_lease_is_read_again_every_few_seconds_at_random_times() -> None:
    world, pauses_ms = World(), set()
    world.store(Lease(stream_arn=ARN, stream_name="cam", since_ms=0, owner="you", expires_at_ms=world.now_ms + 10**6))
    leases = world.consumer()

    for _ in range(20):
        assert leases.take(ARN) is None
        tried_ms = world.now_ms
        while not leases.due(()):
            world.now_ms += 10
        pauses_ms.add(world.now_ms - tried_ms)

    assert min(pauses_ms) >= 3_000
    assert max(pauses_ms) <= 6_000
    assert len(pauses_ms) > 10


def test_a_lease_that_expires_is_taken_within_a_second() -> None:
    world = World()
    world.store(Lease(stream_arn=ARN, stream_name="cam", since_ms=0, owner="you", expires_at_ms=world.now_ms + 900))
    leases = world.consumer()
    assert leases.take(ARN) is None

    world.now_ms += 1_000 + 900

    assert leases.due(()) == [ARN]
    assert leases.take(ARN) is not None


def test_an_assignment_that_cannot_be_read_is_kept() -> None:
    world = World()
    leases = world.consumer()

    def busy() -> list[str]:
        raise StorageBusyError("busy")

    leases._assigned = busy
    world.now_ms += 10_000
    with pytest.raises(StorageBusyError):
        leases.refresh()

    assert ARN in leases
    assert leases.due(()) == [ARN]


def test_a_stream_that_is_assigned_later_is_due_within_seconds() -> None:
    world = World()
    world.streams = []
    leases = world.consumer()
    assert leases.due(()) == []

    world.streams = [ARN]
    world.now_ms += 6_000
    leases.refresh()

    assert leases.due(()) == [ARN]


def test_a_lease_keeps_a_weight_and_a_kilobyte_of_state() -> None:
    world = World()
    taken = world.consumer().take(ARN)
    assert taken is not None
    held: HeldLease = taken[1]
    held.renew()
    assert held.kilobytes == 1

    checkpoint = LiveCheckpoint(fragment_number="1", server_ms=0, sampler_state=0, consumer_state="é" * 512)
    held.weigh(2.5)
    held.move(checkpoint)

    stored = Lease.model_validate_json(world.documents.load(ARN).body or "")
    assert (stored.weight, stored.checkpoint, held.kilobytes) == (2.5, checkpoint, 2)
    with pytest.raises(ValidationError, match="at most 1024 bytes"):
        LiveCheckpoint(fragment_number="1", server_ms=0, sampler_state=0, consumer_state="é" * 513)


def test_a_consumer_with_an_outdated_version_moves_no_checkpoint() -> None:
    world = World()
    taken = world.consumer().take(ARN)
    world.now_ms += 30_000
    assert world.consumer("you").take(ARN) is not None

    world.now_ms -= 1  # its clock is behind
    assert taken is not None
    with pytest.raises(LeaseLostError, match="another consumer took"):
        taken[1].move(LiveCheckpoint(fragment_number="9", server_ms=0, sampler_state=0))

    assert Lease.model_validate_json(world.documents.load(ARN).body or "").checkpoint is None


def test_a_lease_of_the_previous_version_is_read() -> None:
    stored = (
        '{"stream_arn":"a","stream_name":"cam","since_ms":1,"owner":"0000-me","expires_at_ms":2,"checkpoint":'
        '{"fragment_number":"9","server_ms":3,"sampler_state":4},"retired":false}'
    )

    lease = Lease.stored(stored)

    assert lease is not None
    assert lease.checkpoint == LiveCheckpoint(fragment_number="9", server_ms=3, sampler_state=4)
    assert (lease.owner, lease.weight) == ("0000-me", 1.0)
