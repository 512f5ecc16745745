"""Moves a stream's checkpoint behind its analyzed fragments, in order.

A checkpoint is stored at most once in four seconds and write unit, whatever the length of fragments. If the consumer
stops unexpectedly, its successor reads the fragments since then again, and the ledger skips their keyframes.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue

from kinesight.domain.errors import LeaseLostError
from kinesight.domain.live.backoff import backoff_s
from kinesight.domain.live.leases import HeldLease, LiveCheckpoint
from kinesight.domain.live.stream_state import StreamState

_POLL_S = 0.2
_PAUSE_MS_PER_KB = 4_000
"""Lease documents with a consumer's state have two kilobytes, which cost twice as much to write."""


@dataclass(slots=True)
class InFlight:
    """A fragment that is being analyzed: its checkpoint, and a future that is True once the fragment is finished."""

    checkpoint: LiveCheckpoint
    finished: Future[bool]


class Checkpoints:
    """The fragments in flight of one stream, at most `capacity`, in the order of the stream."""

    def __init__(self, state: StreamState, capacity: int) -> None:
        self._state = state
        self._pace = CheckpointPace(state.held)
        self._queue: Queue[InFlight | None] = Queue(maxsize=capacity)

    def add(self, one: InFlight | None) -> None:
        """Adds a fragment, or None for the end of the stream; blocks while too many are in flight."""
        while not self._state.is_lost:
            with suppress(Full):
                self._queue.put(one, timeout=_POLL_S)
                return

    def commit(self) -> None:
        """Moves the checkpoint behind finished fragments until the end of the stream, or until the lease is lost."""
        reached: LiveCheckpoint | None = None
        for checkpoint in self._finished():
            reached = checkpoint or reached
            if reached is not None and self._pace.is_due():
                self._move(reached)
                reached = None
        if reached is not None:
            self._move(reached)

    def _finished(self) -> Iterator[LiveCheckpoint | None]:
        """Yields the checkpoint of each finished fragment in order, and None several times a second while none is."""
        while not self._state.is_lost:
            try:
                one = self._queue.get(timeout=_POLL_S)
            except Empty:
                yield None
                continue
            if one is None:
                return
            while not wait([one.finished], timeout=_POLL_S).done and not self._is_lost():
                yield None
            if not one.finished.done() or not one.finished.result():
                return
            yield one.checkpoint

    def _is_lost(self) -> bool:
        return self._state.is_lost

    def _move(self, checkpoint: LiveCheckpoint) -> None:
        """Retries whatever fails but a lost lease, which a checkpoint that cannot be written ends in; the full queue
        stops reading meanwhile."""
        for attempt in itertools.count():
            try:
                self._state.held.move(checkpoint)
            except LeaseLostError:
                return
            except Exception as error:  # noqa: BLE001 - see above
                self._state.warn(error)
            else:
                self._pace.restart()
                self._state.counts.add(checkpoints=1)
                return
            if self._state.is_lost:
                return
            self._state.abandon.wait(backoff_s(attempt))


class CheckpointPace:
    """Limits how often a lease is written."""

    def __init__(self, held: HeldLease) -> None:
        self._held = held
        self._due_ms = 0

    def is_due(self) -> bool:
        """Whether a checkpoint may be stored; the first one may be at once."""
        return self._held.now_ms() >= self._due_ms

    def restart(self) -> None:
        """Starts the pause after a checkpoint."""
        self._due_ms = self._held.now_ms() + _PAUSE_MS_PER_KB * self._held.kilobytes


def finished() -> Future[bool]:
    """Returns the future of a fragment without anything to analyze."""
    done: Future[bool] = Future()
    done.set_result(True)
    return done
