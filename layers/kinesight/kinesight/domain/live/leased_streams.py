"""The streams of one consumer: takes the leases that are assigned to it, renews them, and releases them.

Nothing here waits: `tick` is called about once a second.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Protocol

from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.batches import run_safely
from kinesight.domain.errors import KinesightError, LeaseLostError
from kinesight.domain.live.assigned_leases import AssignedLeases
from kinesight.domain.live.counts import LiveCounts
from kinesight.domain.live.leases import HeldLease, LeaseClock
from kinesight.domain.ports import VersionedDocuments

_EMIT_MS = 60_000
_HEARTBEAT_MS = 10_000


@dataclass(frozen=True, slots=True)
class LeaseChange:
    """A change of a lease, for the log: `lease taken`, `lease lost`, `lease renewed late` or `lease released`."""

    what: str
    stream_name: str
    consumer: str
    reason: str


class ReadStream(Protocol):
    """A leased stream that is read until its lease is lost, or until it is stopped."""

    @property
    def name(self) -> str:
        """The stream's name."""

    @property
    def held(self) -> HeldLease:
        """The lease on the stream."""

    @property
    def counts(self) -> LiveCounts:
        """What was counted so far."""

    @property
    def is_running(self) -> bool:
        """Whether fragments are still read or analyzed."""

    def start(self) -> None:
        """Starts reading."""

    def join(self, timeout_s: float) -> None:
        """Waits until nothing is read or analyzed, at most this long."""


@dataclass(frozen=True, slots=True)
class LeasePorts:
    """Ports of a consumer's leases. `assigned` returns the ARNs of the streams that are assigned to it now, `heartbeat`
    stores a heartbeat. `begin` returns the reader of a stream, which ends once the event is set. `emit_stream` is
    called for each stream every minute and at its end, with the counts since the last call."""

    leases: VersionedDocuments
    clock: LeaseClock
    assigned: Callable[[], Collection[str]]
    begin: Callable[[HeldLease, LiveCounts, Event], ReadStream]
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


class LeasedStreams:
    """`owner` must be unique to this consumer. Errors of a stream or of storage are warnings of the report."""

    def __init__(self, owner: str, ports: LeasePorts) -> None:
        self.report = ConsumerReport()
        self._owner = owner
        self._ports = ports
        self._assigned = AssignedLeases(owner, ports.assigned, ports.leases, ports.clock)
        self._streams: dict[str, ReadStream] = {}
        self._stops: dict[str, Event] = {}
        self._emitted_at_ms = ports.clock.now_ms()
        self._heartbeat_at_ms = 0
        self._is_over = False

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def is_running(self) -> bool:
        """Whether a stream is still read or analyzed."""
        return any(one.is_running for one in self._streams.values())

    def tick(self) -> None:
        """Does what is due: heartbeat, assignment, renewals, counts, free leases."""
        now_ms = self._ports.clock.now_ms()
        if now_ms - self._heartbeat_at_ms >= _HEARTBEAT_MS:
            self._heartbeat_at_ms = now_ms
            self._warn_on_error(self._ports.heartbeat)
        self._warn_on_error(self._assigned.refresh)
        self._stop_unassigned()
        self.renew()
        self._collect()
        self._emit(now_ms)
        for arn in self._assigned.due(self._streams):
            self._warn_on_error(partial(self._take, arn))

    def stop(self) -> None:
        """Reads no more fragments; those in flight are finished."""
        self._is_over = True
        for stop in self._stops.values():
            stop.set()

    def renew(self) -> None:
        """Renews leases three times as often as needed; a moved checkpoint has renewed its lease."""
        clock = self._ports.clock
        late_ms = clock.now_ms() + clock.lasts_ms * 2 / 3
        for stream in self._streams.values():
            if stream.held.lease.expires_at_ms > late_ms:
                continue
            left_ms = stream.held.lease.expires_at_ms - clock.now_ms()
            error = run_safely(stream.held.renew)
            if error is None:
                self.report.renewed += 1
                if left_ms < clock.lasts_ms / 3:
                    self._log("lease renewed late", stream.held, f"{left_ms} ms before its end")
            elif not isinstance(error, LeaseLostError):  # of a lost lease the threads end by themselves
                self._warn(error)

    def release(self) -> None:
        """Releases all leases, so that the successor continues at once."""
        for stream in self._streams.values():
            stream.join(timeout_s=2)
        for arn, stream in list(self._streams.items()):
            self._finish(arn, stream)

    def emit_counts(self) -> None:
        """Emits the counts of every stream."""
        for stream in self._streams.values():
            self._emit_counts(stream)

    def _take(self, arn: str) -> None:
        taken = self._assigned.take(arn)
        if taken is None:
            return
        before, held = taken
        self.report.taken += 1
        self.report.stolen += before.owner is not None
        self._log("lease taken", held, f"expired at {before.owner}" if before.owner else "free")
        counts = self.report.streams.setdefault(before.stream_name, LiveCounts())
        stop = self._stops[arn] = Event()
        self._streams[arn] = self._ports.begin(held, counts, stop)
        self._streams[arn].start()

    def _stop_unassigned(self) -> None:
        for arn, stop in self._stops.items():
            if arn not in self._assigned:
                stop.set()

    def _collect(self) -> None:
        """Finishes streams that ended: lease lost, not assigned any more, stream gone, or an unexpected error."""
        for arn, stream in list(self._streams.items()):
            if not stream.is_running:
                self._finish(arn, stream)

    def _emit(self, now_ms: int) -> None:
        if now_ms - self._emitted_at_ms >= _EMIT_MS:
            self._emitted_at_ms = now_ms
            self.emit_counts()

    def _emit_counts(self, stream: ReadStream) -> None:
        self._warn_on_error(
            lambda: self._ports.emit_stream(stream.name, stream.counts.since_last(), stream.counts.frames.take())
        )

    def _finish(self, arn: str, stream: ReadStream) -> None:
        was_stopped = self._stops.pop(arn).is_set()
        del self._streams[arn]
        self._emit_counts(stream)
        if stream.held.is_lost:
            self.report.lost += 1
            self._log("lease lost", stream.held, stream.held.why_lost)
            return
        self._warn_on_error(stream.held.release)
        self.report.released += 1
        reason = "the stream is not assigned any more" if was_stopped else "the stream ended"
        self._log("lease released", stream.held, "the consumer ends" if self._is_over else reason)

    def _log(self, what: str, held: HeldLease, reason: str) -> None:
        change = LeaseChange(what, held.lease.stream_name, self._owner, reason)
        self._warn_on_error(lambda: self._ports.log_lease(change))

    def _warn_on_error(self, action: Callable[[], None]) -> None:
        error = run_safely(action)
        if error is not None:
            self._warn(error)

    def _warn(self, error: KinesightError) -> None:
        message = f"{type(error).__name__}: {error}"
        if message not in self.report.warnings and len(self.report.warnings) < 20:
            self.report.warnings.append(message)
