"""One leased stream that is read live: a thread reads fragments in order, a thread moves the checkpoint behind them.

A fragment is finished when it is analyzed, dead-lettered or, if configured, too old. Transient failures are retried
until the lease is lost or the consumer ends; then the next consumer starts again from the checkpoint. Unexpected ones
are retried a few times and then dead-lettered.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Event, Thread

from kinesight.domain.analysis.pipeline import PipelineSettings
from kinesight.domain.live.checkpoints import Checkpoints
from kinesight.domain.live.counts import LiveCounts
from kinesight.domain.live.fragment_analyzer import FragmentAnalyzer
from kinesight.domain.live.leases import HeldLease
from kinesight.domain.live.live_camera import LiveCamera
from kinesight.domain.live.ports import LivePorts
from kinesight.domain.live.stream_reader import StreamReader
from kinesight.domain.live.stream_state import StreamState


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Settings of live streams. `fragments_in_flight` limits the fragments per stream that are read but not analyzed.
    Which keyframes are analyzed is the configuration's."""

    pipeline: PipelineSettings
    fragments_in_flight: int


class LiveStream:
    """Reads one stream in two threads until `stop` or `abandon` is set, or until its lease is lost."""

    def __init__(
        self,
        held: HeldLease,
        counts: LiveCounts,
        ports: LivePorts,
        settings: LiveSettings,
        pool: Executor,
        stop: Event,
        abandon: Event,
    ) -> None:
        self._state = StreamState(held, counts, stop, abandon)
        analyzer = FragmentAnalyzer(self._state, ports, settings.pipeline)
        checkpoints = Checkpoints(self._state, settings.fragments_in_flight)
        camera = LiveCamera(self._state.name, settings.pipeline.configuration)
        reader = StreamReader(self._state, ports, camera, analyzer, checkpoints, pool)
        self._threads = (self._thread("read", reader.read), self._thread("commit", checkpoints.commit))

    @property
    def name(self) -> str:
        """The stream's name."""
        return self._state.name

    @property
    def held(self) -> HeldLease:
        """The lease on the stream."""
        return self._state.held

    @property
    def counts(self) -> LiveCounts:
        """What was counted so far."""
        return self._state.counts

    @property
    def is_running(self) -> bool:
        """Whether one of the threads still runs."""
        return any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Starts both threads."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout_s: float) -> None:
        """Waits for each thread, at most this long."""
        for thread in self._threads:
            thread.join(timeout=timeout_s)

    def _thread(self, verb: str, action: Callable[[], None]) -> Thread:
        return Thread(target=self._run_safely, args=(action,), name=f"{verb} {self.name}", daemon=True)

    def _run_safely(self, action: Callable[[], None]) -> None:
        """An unexpected error ends this stream only, with a warning, and leaves it to the next consumer."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - no caller would receive the exception of a thread
            self._state.warn(error)
            self._state.failed.set()
