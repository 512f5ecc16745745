"""The live edge of every stream: readers that wait for the next fragment, and fragments that are arriving."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from threading import Lock


class Listener:
    """One reader that waits for fragments of one stream in its event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        """May be called from any thread."""
        with suppress(RuntimeError):  # the loop is closed: the server is stopping
            self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        """Call it before querying fragments, so that one that arrives before `wait` is not missed."""
        self._event.clear()

    async def wait(self, timeout_s: float) -> bool:
        """False after the timeout."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return False
        return True


class LiveEdge:
    """Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._open: defaultdict[str, int] = defaultdict(int)

    def opened(self, stream_arn: str) -> None:
        """Records that a fragment's first bytes have arrived."""
        with self._lock:
            self._open[stream_arn] += 1

    def closed(self, stream_arn: str) -> None:
        """Records that an opened fragment is readable or abandoned, and wakes the readers."""
        with self._lock:
            self._open[stream_arn] -= 1
            if self._open[stream_arn] <= 0:  # a connection that is cancelled while persisting may close twice
                del self._open[stream_arn]
            listeners = list(self._listeners.get(stream_arn, ()))
        for listener in listeners:
            listener.wake()

    def is_receiving(self, stream_arn: str) -> bool:
        """Whether a fragment is arriving now."""
        with self._lock:
            return stream_arn in self._open

    def join(self, stream_arn: str, listener: Listener) -> None:
        """Wakes the listener for each fragment until `leave`."""
        with self._lock:
            self._listeners[stream_arn].add(listener)

    def leave(self, stream_arn: str, listener: Listener) -> None:
        """Ends `join`."""
        with self._lock:
            self._listeners[stream_arn].discard(listener)
            if not self._listeners[stream_arn]:
                del self._listeners[stream_arn]
