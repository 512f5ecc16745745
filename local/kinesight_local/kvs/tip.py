"""The live end of every stream: who waits there, and whether something is on its way."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from threading import Lock


class Listener:
    """One reader that waits for fragments of one stream, in its own event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # its loop is closed: the server stops
            self._loop.call_soon_threadsafe(self._event.set)

    def forget(self) -> None:
        """Call it before looking, so that nothing is missed between looking and waiting."""
        self._event.clear()

    async def wait(self, timeout_s: float) -> bool:
        """False if nothing happened in time."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return False
        return True


class Tip:
    """Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._open: defaultdict[str, int] = defaultdict(int)

    def opened(self, stream_arn: str) -> None:
        """A fragment's first bytes arrived."""
        with self._lock:
            self._open[stream_arn] += 1

    def closed(self, stream_arn: str) -> None:
        """A fragment that had begun can be read, or will never be."""
        with self._lock:
            self._open[stream_arn] -= 1
            if self._open[stream_arn] <= 0:  # a connection that is cancelled while it persists may close twice
                del self._open[stream_arn]
            listeners = list(self._listeners.get(stream_arn, ()))
        for listener in listeners:
            listener.wake()

    def receives(self, stream_arn: str) -> bool:
        """Whether a fragment is on its way right now."""
        with self._lock:
            return stream_arn in self._open

    def join(self, stream_arn: str, listener: Listener) -> None:
        with self._lock:
            self._listeners[stream_arn].add(listener)

    def leave(self, stream_arn: str, listener: Listener) -> None:
        with self._lock:
            self._listeners[stream_arn].discard(listener)
            if not self._listeners[stream_arn]:
                del self._listeners[stream_arn]
