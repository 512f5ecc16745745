"""consume_live: leases on streams, each read live, until shortly before the function's time-out.

A consumer takes free leases up to its share, renews them, and lets them go at its end, so that its successor goes on at
once. One that dies is succeeded when its leases have run out.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Thread

from kinesight.domain.errors import KinesightError, LeaseLostError
from kinesight.domain.live.leases import LeaseClock, all_leases, take
from kinesight.domain.live.stream_reader import LiveCounts, LiveSettings, LivePorts, LiveStream
from kinesight.domain.ports import VersionedDocuments

_TICK_S = 1.0
_TELL_MS = 60_000
BEAT_MS = 10_000
_LOOK_MS = 3_000
"""Each look reads every lease."""
_IDLE_S = 90.0
"""Without a lease for so long, there is nothing to do: as long as a predecessor may still hold them."""


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """`share`: most streams at once. `workers`: fragments analyzed at once, of all streams together."""

    live: LiveSettings
    share: int
    workers: int


@dataclass(frozen=True, slots=True)
class ConsumerPorts:
    """The outside world of this verb. `remaining_s`: until the function is ended; `beat` says that it is alive; `tell`
    hears of each stream, every minute and at its end, what was counted since the last time."""

    leases: VersionedDocuments
    clock: LeaseClock
    live: LivePorts
    remaining_s: Callable[[], float]
    beat: Callable[[], None] = lambda: None
    tell: Callable[[str, Mapping[str, int]], None] = lambda _name, _counted: None


@dataclass(slots=True)
class ConsumerReport:
    """What a consumer did: counts by stream, and of leases."""

    streams: dict[str, LiveCounts] = field(default_factory=dict)
    taken: int = 0
    stolen: int = 0
    renewed: int = 0
    lost: int = 0
    released: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ends:
    """Seconds before the function's end: when it reads no more, and when it gives up what is in flight."""

    stop_s: float = 45.0
    abandon_s: float = 10.0


def consume(owner: str, plan: ConsumerSettings, ports: ConsumerPorts, ends: Ends | None = None) -> ConsumerReport:
    """Never raises for one stream's sake. `owner` must be unique to this invocation."""
    return _Consumer(owner, plan, ports, ends or Ends()).run()


@dataclass(slots=True)
class _Reading:
    """A stream with its two threads."""

    stream: LiveStream
    threads: tuple[Thread, Thread]

    def is_running(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)


class _Consumer:
    def __init__(self, owner: str, plan: ConsumerSettings, ports: ConsumerPorts, ends: Ends) -> None:
        self._owner = owner
        self._plan = plan
        self._ports = ports
        self._ends = ends
        self._stop, self._abandon = Event(), Event()
        self._readings: dict[str, _Reading] = {}
        self._report = ConsumerReport()
        self._told_at_ms = ports.clock.now_ms()
        self._heard_at_ms = self._looked_at_ms = 0

    def run(self) -> ConsumerReport:
        idle_s = 0.0
        with ThreadPoolExecutor(self._plan.workers, thread_name_prefix="analysis") as pool:
            try:
                while self._ports.remaining_s() > self._ends.stop_s and idle_s < _IDLE_S:
                    self._tick(pool)
                    idle_s = 0.0 if self._readings else idle_s + _TICK_S
                    self._stop.wait(_TICK_S)
                self._stop.set()
                self._drain()
            finally:
                self._stop.set()
                self._abandon.set()
        self._let_go()
        return self._report

    def _tick(self, pool: ThreadPoolExecutor) -> None:
        now_ms = self._ports.clock.now_ms()
        if now_ms - self._heard_at_ms >= BEAT_MS:
            self._heard_at_ms = now_ms
            self._guarded(self._ports.beat)
        self._renew()
        self._collect()
        self._tell()
        if len(self._readings) < self._plan.share and now_ms - self._looked_at_ms >= _LOOK_MS:
            self._looked_at_ms = now_ms
            self._guarded(lambda: self._take_more(pool))

    def _take_more(self, pool: ThreadPoolExecutor) -> None:
        """The stream that has waited longest first."""
        now_ms = self._ports.clock.now_ms()
        found = all_leases(self._ports.leases)
        free = [one for one in found.values() if one[0].is_free(now_ms) and one[0].stream_arn not in self._readings]
        for lease, version in sorted(free, key=lambda one: one[0].expires_at_ms):
            if len(self._readings) >= self._plan.share:
                return
            held = take(self._owner, lease, version, self._ports.leases, self._ports.clock)
            if held is not None:
                self._report.taken += 1
                self._report.stolen += lease.owner is not None
                counts = self._report.streams.setdefault(lease.stream_name, LiveCounts())
                live, plan = self._ports.live, self._plan.live
                self._begin(LiveStream(held, counts, live, plan, pool, self._stop, self._abandon))

    def _begin(self, stream: LiveStream) -> None:
        threads = (
            Thread(target=stream.guarded, args=(stream.read,), name=f"read {stream.name}", daemon=True),
            Thread(target=stream.guarded, args=(stream.commit,), name=f"commit {stream.name}", daemon=True),
        )
        self._readings[stream.held.lease.stream_arn] = _Reading(stream, threads)
        for thread in threads:
            thread.start()

    def _renew(self) -> None:
        """Three times as often as needed; a checkpoint that moved has renewed its lease."""
        late_ms = self._ports.clock.now_ms() + self._ports.clock.lasts_ms * 2 / 3
        for reading in self._readings.values():
            if reading.stream.held.lease.expires_at_ms > late_ms:
                continue
            try:
                reading.stream.held.renew()
                self._report.renewed += 1
            except LeaseLostError:
                continue  # its threads have seen it too
            except KinesightError as error:
                self._warn(error)

    def _tell(self) -> None:
        now_ms = self._ports.clock.now_ms()
        if now_ms - self._told_at_ms >= _TELL_MS:
            self._told_at_ms = now_ms
            for reading in self._readings.values():
                self._ports.tell(reading.stream.name, reading.stream.counts.since_last())

    def _collect(self) -> None:
        """Streams that ended by themselves: lost, retired, gone, or a defect."""
        for arn, reading in list(self._readings.items()):
            if not reading.is_running():
                self._finish(arn, reading)

    def _drain(self) -> None:
        """Waits until everything in flight is analyzed, as long as there is time."""
        while any(one.is_running() for one in self._readings.values()):
            if self._ports.remaining_s() < self._ends.abandon_s:
                self._abandon.set()
                return
            self._renew()
            self._abandon.wait(0.1)

    def _let_go(self) -> None:
        for reading in self._readings.values():
            for thread in reading.threads:
                thread.join(timeout=2)
        for arn, reading in list(self._readings.items()):
            self._finish(arn, reading)

    def _finish(self, arn: str, reading: _Reading) -> None:
        del self._readings[arn]
        self._ports.tell(reading.stream.name, reading.stream.counts.since_last())
        if reading.stream.held.is_lost:
            self._report.lost += 1
            return
        self._guarded(reading.stream.held.release)
        self._report.released += 1

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except KinesightError as error:
            self._warn(error)

    def _warn(self, error: KinesightError) -> None:
        sentence = f"{type(error).__name__}: {error}"
        if sentence not in self._report.warnings and len(self._report.warnings) < 20:
            self._report.warnings.append(sentence)
