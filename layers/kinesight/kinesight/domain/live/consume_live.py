"""consume_live: takes leases on streams and reads each live, until shortly before the function's timeout.

A consumer takes free leases up to its share, renews them, and releases them at its end, so that its successor continues
at once. The leases of a consumer that stops unexpectedly expire. Shares are computed when consumers start; a lease that
stays free, since a stream was added later, is taken by a consumer above its share.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.errors import KinesightError, LeaseLostError
from kinesight.domain.live.counts import LiveCounts
from kinesight.domain.live.leases import HeldLease, LeaseClock, all_leases, take
from kinesight.domain.live.live_stream import LiveSettings, LiveStream
from kinesight.domain.live.ports import LivePorts
from kinesight.domain.ports import VersionedDocuments

_TICK_S = 1.0
_EMIT_MS = 60_000
_HEARTBEAT_MS = 10_000
_SEARCH_MS = 3_000
"""Each search for free leases reads every lease."""
_UNCLAIMED_MS = 8_000
"""A lease that is free for this long is in no consumer's share: each searches every three seconds."""
_IDLE_S = 90.0
"""A consumer without a lease for this long ends; a predecessor may hold the leases for as long."""


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """`share` is how many streams are taken at once, `most_streams` how many are read at most, `workers` the fragments
    analyzed at once, of all streams."""

    live: LiveSettings
    share: int
    most_streams: int
    workers: int


@dataclass(frozen=True, slots=True)
class LeaseChange:
    """A change of a lease, for the log: `lease taken`, `lease lost`, `lease renewed late` or `lease released`."""

    what: str
    stream_name: str
    consumer: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConsumerPorts:
    """Ports of this function. `remaining_s` returns the seconds until the function's timeout; `heartbeat` stores a
    heartbeat. `emit_stream` is called for each stream every minute and at its end, with the counts since the last
    call."""

    leases: VersionedDocuments
    clock: LeaseClock
    live: LivePorts
    remaining_s: Callable[[], float]
    heartbeat: Callable[[], None] = lambda: None
    emit_stream: Callable[[str, Mapping[str, int], FrameReport], None] = lambda _name, _counted, _frames: None
    log_lease: Callable[[LeaseChange], None] = lambda _change: None


@dataclass(slots=True)
class ConsumerReport:
    """Result of a consumer: counts by stream, and of leases."""

    streams: dict[str, LiveCounts] = field(default_factory=dict)
    taken: int = 0
    stolen: int = 0
    renewed: int = 0
    lost: int = 0
    released: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ends:
    """Seconds before the function's timeout: when it stops stream, and when it abandons fragments in flight."""

    stop_s: float = 45.0
    abandon_s: float = 10.0


def consume(owner: str, settings: ConsumerSettings, ports: ConsumerPorts, ends: Ends | None = None) -> ConsumerReport:
    """Runs a consumer. Errors of one stream are not raised. `owner` must be unique to this invocation."""
    return _Consumer(owner, settings, ports, ends or Ends()).run()


class _Consumer:
    def __init__(self, owner: str, settings: ConsumerSettings, ports: ConsumerPorts, ends: Ends) -> None:
        self._owner = owner
        self._settings = settings
        self._ports = ports
        self._ends = ends
        self._stop, self._abandon = Event(), Event()
        self._streams: dict[str, LiveStream] = {}
        self._report = ConsumerReport()
        self._emitted_at_ms = ports.clock.now_ms()
        self._heartbeat_at_ms = self._searched_at_ms = 0

    def run(self) -> ConsumerReport:
        try:
            self._consume()
        except Exception:
            # Records are published and calls are paid, whatever ends the consumer.
            for stream in self._streams.values():
                self._emit_counts(stream)
            raise
        self._release_leases()
        return self._report

    def _consume(self) -> None:
        idle_s = 0.0
        with ThreadPoolExecutor(self._settings.workers, thread_name_prefix="analysis") as pool:
            try:
                while self._ports.remaining_s() > self._ends.stop_s and idle_s < _IDLE_S:
                    self._tick(pool)
                    idle_s = 0.0 if self._streams else idle_s + _TICK_S
                    self._stop.wait(_TICK_S)
                self._stop.set()
                self._drain()
            finally:
                self._stop.set()
                self._abandon.set()

    def _tick(self, pool: ThreadPoolExecutor) -> None:
        now_ms = self._ports.clock.now_ms()
        if now_ms - self._heartbeat_at_ms >= _HEARTBEAT_MS:
            self._heartbeat_at_ms = now_ms
            self._warn_on_error(self._ports.heartbeat)
        self._renew()
        self._collect()
        self._emit()
        if len(self._streams) < self._settings.most_streams and now_ms - self._searched_at_ms >= _SEARCH_MS:
            self._searched_at_ms = now_ms
            self._warn_on_error(lambda: self._take_more(pool))

    def _take_more(self, pool: ThreadPoolExecutor) -> None:
        """Takes free leases, those that are free for longest first."""
        now_ms = self._ports.clock.now_ms()
        found = all_leases(self._ports.leases)
        free = [one for one in found.values() if one[0].is_free(now_ms) and one[0].stream_arn not in self._streams]
        for lease, version in sorted(free, key=lambda one: one[0].free_since_ms):
            is_unclaimed = now_ms - lease.free_since_ms >= _UNCLAIMED_MS
            if len(self._streams) >= (self._settings.most_streams if is_unclaimed else self._settings.share):
                return
            held = take(self._owner, lease, version, self._ports.leases, self._ports.clock)
            if held is not None:
                self._report.taken += 1
                self._report.stolen += lease.owner is not None
                self._log("lease taken", held, f"expired at {lease.owner}" if lease.owner else "free")
                counts = self._report.streams.setdefault(lease.stream_name, LiveCounts())
                self._begin(held, counts, pool)

    def _begin(self, held: HeldLease, counts: LiveCounts, pool: ThreadPoolExecutor) -> None:
        live, settings = self._ports.live, self._settings.live
        stream = LiveStream(held, counts, live, settings, pool, self._stop, self._abandon)
        self._streams[held.lease.stream_arn] = stream
        stream.start()

    def _renew(self) -> None:
        """Renews leases three times as often as needed; a moved checkpoint has renewed its lease."""
        late_ms = self._ports.clock.now_ms() + self._ports.clock.lasts_ms * 2 / 3
        for stream in self._streams.values():
            if stream.held.lease.expires_at_ms > late_ms:
                continue
            left_ms = stream.held.lease.expires_at_ms - self._ports.clock.now_ms()
            try:
                stream.held.renew()
                self._report.renewed += 1
                if left_ms < self._ports.clock.lasts_ms / 3:
                    self._log("lease renewed late", stream.held, f"{left_ms} ms before its end")
            except LeaseLostError:
                continue  # its threads end by themselves
            except KinesightError as error:
                self._warn(error)

    def _emit(self) -> None:
        now_ms = self._ports.clock.now_ms()
        if now_ms - self._emitted_at_ms >= _EMIT_MS:
            self._emitted_at_ms = now_ms
            for stream in self._streams.values():
                self._emit_counts(stream)

    def _emit_counts(self, stream: LiveStream) -> None:
        self._ports.emit_stream(stream.name, stream.counts.since_last(), stream.counts.frames.take())

    def _collect(self) -> None:
        """Finishes streams that ended by themselves: lease lost, stream gone, or an unexpected error."""
        for arn, stream in list(self._streams.items()):
            if not stream.is_running:
                self._finish(arn, stream)

    def _drain(self) -> None:
        """Waits until all fragments in flight are analyzed, as long as there is time."""
        while any(one.is_running for one in self._streams.values()):
            if self._ports.remaining_s() < self._ends.abandon_s:
                self._abandon.set()
                return
            self._renew()
            self._abandon.wait(0.1)

    def _release_leases(self) -> None:
        for stream in self._streams.values():
            stream.join(timeout_s=2)
        for arn, stream in list(self._streams.items()):
            self._finish(arn, stream)

    def _finish(self, arn: str, stream: LiveStream) -> None:
        del self._streams[arn]
        self._emit_counts(stream)
        if stream.held.is_lost:
            self._report.lost += 1
            self._log("lease lost", stream.held, stream.held.why_lost)
            return
        self._warn_on_error(stream.held.release)
        self._report.released += 1
        self._log("lease released", stream.held, "the consumer ends" if self._stop.is_set() else "the stream ended")

    def _log(self, what: str, held: HeldLease, reason: str) -> None:
        self._ports.log_lease(LeaseChange(what, held.lease.stream_name, self._owner, reason))

    def _warn_on_error(self, action: Callable[[], None]) -> None:
        try:
            action()
        except KinesightError as error:
            self._warn(error)

    def _warn(self, error: KinesightError) -> None:
        message = f"{type(error).__name__}: {error}"
        if message not in self._report.warnings and len(self._report.warnings) < 20:
            self._report.warnings.append(message)
