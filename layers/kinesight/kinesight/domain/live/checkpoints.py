"""Moves a stream's checkpoint behind its analyzed fragments, in order."""

import itertools
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue

from kinesight.domain.errors import LeaseLostError, TransientError
from kinesight.domain.live.backoff import backoff_s
from kinesight.domain.live.leases import LiveCheckpoint
from kinesight.domain.live.stream_state import StreamState

_POLL_S = 0.2


@dataclass(slots=True)
class InFlight:
    """A fragment that is being analyzed: its checkpoint, and a future that is True once the fragment is finished."""

    checkpoint: LiveCheckpoint
    finished: Future[bool]


class Checkpoints:
    """The fragments in flight of one stream, at most `capacity`, in the order of the stream."""

    def __init__(self, state: StreamState, capacity: int) -> None:
        self._state = state
        self._queue: Queue[InFlight | None] = Queue(maxsize=capacity)

    def add(self, one: InFlight | None) -> None:
        """Adds a fragment, or None for the end of the stream; blocks while too many are in flight."""
        while not self._state.is_lost:
            with suppress(Full):
                self._queue.put(one, timeout=_POLL_S)
                return

    def commit(self) -> None:
        """Moves the checkpoint behind finished fragments until the end of the stream, or until the lease is lost."""
        while not self._state.is_lost:
            try:
                one = self._queue.get(timeout=_POLL_S)
            except Empty:
                continue
            if one is None or not one.finished.result():
                return
            if not self._is_next_finished():
                self._move(one.checkpoint)

    def _is_next_finished(self) -> bool:
        """If so, its checkpoint covers this one too, which saves a write."""
        with self._queue.mutex:
            following = self._queue.queue[0] if self._queue.queue else None
        return following is not None and following.finished.done() and following.finished.result()

    def _move(self, checkpoint: LiveCheckpoint) -> None:
        """Retries a transient error; the full queue stops reading meanwhile."""
        for attempt in itertools.count():
            if self._state.is_lost:
                return
            try:
                self._state.held.move(checkpoint)
            except LeaseLostError:
                return
            except TransientError as error:
                self._state.warn(error)
                self._state.abandon.wait(backoff_s(attempt))
            else:
                self._state.counts.add(checkpoints=1)
                return


def finished() -> Future[bool]:
    """Returns the future of a fragment without anything to analyze."""
    done: Future[bool] = Future()
    done.set_result(True)
    return done
