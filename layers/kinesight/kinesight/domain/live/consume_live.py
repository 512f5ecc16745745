"""consume_live: reads the streams that are assigned to it live, until shortly before the function's timeout.

A consumer takes the leases of its streams, renews them, and releases them at its end, so that its successor continues
at once. The leases of a consumer that stops unexpectedly expire.
"""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.live.counts import LiveCounts
from kinesight.domain.live.leased_streams import ConsumerReport, LeaseChange, LeasedStreams, LeasePorts
from kinesight.domain.live.leases import HeldLease, LeaseClock
from kinesight.domain.live.live_stream import LiveSettings, LiveStream
from kinesight.domain.live.ports import LivePorts
from kinesight.domain.ports import VersionedDocuments

_TICK_S = 1.0
_IDLE_S = 90.0
"""A consumer without a lease for this long ends; a predecessor may hold the leases for as long."""


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """`workers` limits the fragments analyzed at once, of all streams."""

    live: LiveSettings
    workers: int


@dataclass(frozen=True, slots=True)
class ConsumerPorts:
    """Ports of this function. `assigned` returns the ARNs of the streams to read, `remaining_s` the seconds until the
    function's timeout; `heartbeat` stores a heartbeat. `emit_stream` is called for each stream every minute and at its
    end, with the counts since the last call."""

    leases: VersionedDocuments
    clock: LeaseClock
    live: LivePorts
    assigned: Callable[[], Collection[str]]
    remaining_s: Callable[[], float]
    heartbeat: Callable[[], None] = lambda: None
    emit_stream: Callable[[str, Mapping[str, int], FrameReport], None] = lambda _name, _counted, _frames: None
    log_lease: Callable[[LeaseChange], None] = lambda _change: None


@dataclass(frozen=True, slots=True)
class Ends:
    """Seconds before the function's timeout: when it stops stream, and when it abandons fragments in flight."""

    stop_s: float = 45.0
    abandon_s: float = 10.0


def consume(owner: str, settings: ConsumerSettings, ports: ConsumerPorts, ends: Ends | None = None) -> ConsumerReport:
    """Runs a consumer. Errors of one stream are not raised. `owner` must be unique to this invocation."""
    with ThreadPoolExecutor(settings.workers, thread_name_prefix="analysis") as pool:
        consumer = _Consumer(owner, settings, ports, ends or Ends(), pool)
        consumer.read()
    consumer.streams.release()
    return consumer.streams.report


class _Consumer:
    def __init__(
        self, owner: str, settings: ConsumerSettings, ports: ConsumerPorts, ends: Ends, pool: ThreadPoolExecutor
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._ends = ends
        self._pool = pool
        self._abandon = Event()
        self.streams = LeasedStreams(
            owner,
            LeasePorts(
                leases=ports.leases,
                clock=ports.clock,
                assigned=ports.assigned,
                begin=self._begin,
                heartbeat=ports.heartbeat,
                emit_stream=ports.emit_stream,
                log_lease=ports.log_lease,
            ),
        )

    def read(self) -> None:
        """Reads until the function's timeout is near, and finishes what is in flight."""
        try:
            self._tick_until_stopped()
            self.streams.stop()
            self._drain()
        except Exception:
            # Records are published and calls are paid, whatever ends the consumer.
            self.streams.emit_counts()
            raise
        finally:
            self.streams.stop()
            self._abandon.set()

    def _tick_until_stopped(self) -> None:
        idle_s = 0.0
        while self._ports.remaining_s() > self._ends.stop_s and idle_s < _IDLE_S:
            self.streams.tick()
            idle_s = 0.0 if self.streams else idle_s + _TICK_S
            self._abandon.wait(_TICK_S)

    def _begin(self, held: HeldLease, counts: LiveCounts, stop: Event) -> LiveStream:
        return LiveStream(held, counts, self._ports.live, self._settings.live, self._pool, stop, self._abandon)

    def _drain(self) -> None:
        """Waits until all fragments in flight are analyzed, as long as there is time."""
        while self.streams.is_running:
            if self._ports.remaining_s() < self._ends.abandon_s:
                self._abandon.set()
                return
            self.streams.renew()
            self._abandon.wait(0.1)
