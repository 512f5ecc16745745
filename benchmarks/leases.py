"""Leases of live streams at scale: DynamoDB units per stream and second, counted on the code that is deployed.

The conductor, the consumers' leases, their checkpoints and the DynamoDB adapter run as they are, on a table in memory
that counts units as DynamoDB does (counted_dynamodb.py). Time is virtual. Streams have a fragment every two seconds;
nothing is decoded. Consumers read for five minutes instead of fifteen, which changes only how soon they hand over.

    start     every stream is attached at once, and the first consumers start
    steady    one minute in which every stream is read
    restart   every consumer is killed at a moment when the conductor's next run still takes them all for alive
    handover  every consumer reaches its end, and its successor takes over

The columns: write and read units per stream and second, in the whole phase and in its worst ten seconds; the most of
both for one partition key in a second; the longest time that a stream had no reader.

`python -m benchmarks.leases` prints 1,000 and 10,000 streams (five minutes); `--streams 1000 --state 1024` has a
kilobyte of consumer state in every lease. Exits with 1 if a limit is exceeded.
"""

import argparse
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.domain.live.assignments import read_assignment
from kinesight.domain.live.checkpoints import CheckpointPace
from kinesight.domain.live.conduct_live import ConductorPorts, ConductorSettings, conduct, save_heartbeat
from kinesight.domain.live.counts import LiveCounts
from kinesight.domain.live.leased_streams import LeasedStreams, LeasePorts
from kinesight.domain.live.leases import HeldLease, LeaseClock, LiveCheckpoint
from kinesight.domain.ports import VideoStream
from kinesight.domain.streams.selection import StreamSelection

from benchmarks.counted_dynamodb import CountingDynamoDb, Time, Units

STREAMS_PER_CONSUMER = 10
CONSUMER_S, LEASE_MS = 300, 30_000
FRAGMENT_MS = 2_000
STARTS_PER_SECOND = 250
"""Of one conductor: 16 threads, each with a PutItem and an Invoke of some 60 ms together."""
COLD_START_S = (2, 8)
STEADY_UNITS, RESTART_FACTOR = 0.3, 3
READ_WITHIN_S = 120
MOST_WRITES, MOST_READS = 500, 1_500
"""Half of what DynamoDB serves per partition key and second ("Designing partition keys")."""


class SimulatedStream:
    """Fragments at a steady pace, as the threads of a LiveStream commit them."""

    def __init__(self, held: HeldLease, counts: LiveCounts, stop: Event, time: Time, state: str) -> None:
        self.held, self.counts, self.name = held, counts, held.lease.stream_name
        self._stop, self._time, self._state = stop, time, state
        self._pace = CheckpointPace(held)
        self._first_ms = random.randrange(FRAGMENT_MS)
        before = held.lease.checkpoint
        self._reached = int(before.fragment_number) if before else 0

    @property
    def is_running(self) -> bool:
        return not self._stop.is_set() and not self.held.is_lost

    def start(self) -> None:
        self.step()

    def join(self, timeout_s: float) -> None:
        """There is no thread."""

    def step(self) -> None:
        """Stores the checkpoint of the newest fragment, if there is one and it is due."""
        newest = (self._time.now_ms - self._first_ms) // FRAGMENT_MS
        if newest > self._reached and self.is_running and self._pace.is_due():
            checkpoint = LiveCheckpoint(
                fragment_number=f"{newest:047}",
                server_ms=self._time.now_ms,
                sampler_state=newest,
                consumer_state=self._state,
            )
            self.held.move(checkpoint)
            self._pace.restart()
            self._reached = newest


@dataclass
class Consumer:
    """A consumer from its start to its end."""

    leased: LeasedStreams
    streams: dict[str, SimulatedStream]
    begins_ms: int
    ends_ms: int


@dataclass
class Phase:
    """What a phase cost. `unread_s` is the longest time that a stream had no reader; `shared` counts streams with two
    at a time."""

    name: str
    seconds: int
    writes: Units
    reads: Units
    unread_s: int = 0
    shared: int = 0


class Fleet:
    """Streams, conductor and consumers."""

    def __init__(self, streams: int, state_bytes: int) -> None:
        self.time = Time()
        self.client = CountingDynamoDb(self.time)
        self.state = "x" * state_bytes
        prefix = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream"
        self.fleet = [
            VideoStream(f"building-{n:05}", f"{prefix}/building-{n:05}/1700000000000", "ACTIVE", 24)
            for n in range(streams)
        ]
        self.consumers: list[Consumer] = []
        self.starts = 0
        self.unread_s: dict[str, int] = {}
        client: Any = self.client
        self.leases, self.previous, self.assignments, self.slots = (
            DynamoDbDocuments(client, "coordination", kind=kind, partitions=partitions, consistent=consistent)
            for kind, partitions, consistent in (
                ("leases", None, False),
                ("leases", 1, True),
                ("assignments", None, True),
                ("consumers", None, True),
            )
        )

    # -- ports of the conductor

    def streams(self) -> Iterator[VideoStream]:
        return iter(self.fleet)

    def tags(self, stream_arn: str) -> Mapping[str, str]:
        raise AssertionError(stream_arn)

    def describe(self, name_or_arn: str) -> VideoStream:
        raise AssertionError(name_or_arn)

    def start(self, slot: str, share: int) -> None:  # noqa: ARG002 - of the previous version
        self.starts += 1
        begins_ms = self.time.now_ms + self.starts * 1000 // STARTS_PER_SECOND + random.randint(*COLD_START_S) * 1000
        ends_ms = begins_ms + CONSUMER_S * 1000
        streams: dict[str, SimulatedStream] = {}

        def begin(held: HeldLease, counts: LiveCounts, stop: Event) -> SimulatedStream:
            stream = SimulatedStream(held, counts, stop, self.time, self.state)
            streams[held.lease.stream_arn] = stream
            return stream

        ports = LeasePorts(
            leases=self.leases,
            clock=LeaseClock(lambda: self.time.now_ms, LEASE_MS),
            assigned=lambda: read_assignment(self.assignments.load(slot)).stream_arns,
            begin=begin,
            heartbeat=lambda: save_heartbeat(slot, ends_ms, self.time.now_ms, self.slots),
        )
        leased = LeasedStreams(f"{slot}-{random.getrandbits(128):032x}", ports)
        self.consumers.append(Consumer(leased, streams, begins_ms, ends_ms))

    # -- time

    def conduct(self) -> None:
        self.starts = 0
        ports = ConductorPorts(
            registry=self,
            leases=self.leases,
            previous_leases=self.previous,
            assignments=self.assignments,
            slots=self.slots,
            starter=self,
            clock=self.time,
            now_ms=self.time.now_ms,
        )
        selection = StreamSelection.of(["building-*"], [])
        conduct(ConductorSettings(selection, STREAMS_PER_CONSUMER, (CONSUMER_S - 15) * 1000), ports)

    def run(self, name: str, seconds: int) -> Phase:
        """Runs a phase; the conductor runs at each full minute."""
        phase = Phase(name, seconds, Units(), Units())
        self.client.writes, self.client.reads = phase.writes, phase.reads
        for _ in range(seconds):
            phase.writes.seconds.append(defaultdict(float))
            phase.reads.seconds.append(defaultdict(float))
            if self.time.now_ms // 1000 % 60 == 0:
                self.conduct()
            self._tick()
            self._check(phase)
            self.time.now_ms += 1000
        return phase

    def _tick(self) -> None:
        for one in self.consumers:
            if self.time.now_ms < one.begins_ms:
                continue
            if self.time.now_ms >= one.ends_ms:
                one.leased.stop()
                one.leased.release()
                continue
            one.leased.tick()
            for stream in one.streams.values():
                stream.step()
        self.consumers = [one for one in self.consumers if self.time.now_ms < one.ends_ms]

    def _check(self, phase: Phase) -> None:
        running = [arn for one in self.consumers for arn, stream in one.streams.items() if stream.is_running]
        read = set(running)
        phase.shared += len(running) - len(read)
        self.unread_s = {one.arn: self.unread_s.get(one.arn, 0) + 1 for one in self.fleet if one.arn not in read}
        phase.unread_s = max(phase.unread_s, *self.unread_s.values(), 0)

    def kill_all(self) -> None:
        """Kills every consumer, without a release."""
        self.consumers.clear()


def simulate(streams: int, state_bytes: int) -> list[Phase]:
    """Returns the phases of one fleet."""
    random.seed(1)
    fleet = Fleet(streams, state_bytes)
    fleet.time.now_ms = fleet.time.now_ms // 60_000 * 60_000
    phases = [fleet.run("start", 60), fleet.run("steady", 60)]
    fleet.run("until killed", 40)  # the last heartbeats are 20 to 30 s old when the conductor runs
    fleet.kill_all()
    phases.append(fleet.run("restart", 140))
    fleet.run("until the end is near", 120)
    phases.append(fleet.run("handover", 150))
    return phases


def problems(streams: int, phases: list[Phase]) -> Iterator[str]:
    """Lists what exceeds a limit."""
    for one in phases:
        most, window_s = (STEADY_UNITS, one.seconds) if one.name == "steady" else (STEADY_UNITS * RESTART_FACTOR, 10)
        if max(one.writes.per_second(window_s), one.reads.per_second(window_s)) > most * streams:
            yield f"{one.name}: more than {most:.1f} units per stream and second"
        if one.writes.of_key() > MOST_WRITES or one.reads.of_key() > MOST_READS:
            yield f"{one.name}: a partition key is above half of DynamoDB's limits"
        if one.unread_s > READ_WITHIN_S:
            yield f"{one.name}: a stream is not read for {one.unread_s} s"
        if one.shared:
            yield f"{one.name}: a stream has two readers"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--state", type=int, default=0, help="bytes of consumer state in every lease")
    chosen = parser.parse_args()
    found: list[str] = []
    columns = ("WU", "RU", "WU 10s", "RU 10s", "WU/key", "RU/key")
    say(f"{'streams':>8} {'phase':>9} " + " ".join(f"{name:>7}" for name in columns) + " unread s")
    for streams in chosen.streams:
        phases = simulate(streams, chosen.state)
        for one in phases:
            windows = [(units, window_s) for window_s in (one.seconds, 10) for units in (one.writes, one.reads)]
            rates = " ".join(f"{units.per_second(window_s) / streams:>7.3f}" for units, window_s in windows)
            keys = f"{one.writes.of_key():>7.0f} {one.reads.of_key():>7.0f}"
            say(f"{streams:>8} {one.name:>9} {rates} {keys} {one.unread_s:>8}")
        found += [f"{streams} streams, {problem}" for problem in problems(streams, phases)]
    say("\n".join(found) if found else "within the limits")
    sys.exit(1 if found else 0)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
