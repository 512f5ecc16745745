"""Reads a live source in a thread of its own, so that waiting for it can be interrupted."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from kinesight_cli.put_video.live_fragments import LiveFragment, WallClock, read_live
from kinesight_cli.put_video.live_source import LiveSource

_KEPT = 30
"""Fragments of a camera that wait to be sent, about a minute of video. The oldest are dropped then."""
_CHECKED_EVERY_S = 0.2


class _ReadingStoppedError(Exception):
    """The reader was closed."""


class SourceReader:
    """One connection to a source. `error` is why it ended, None at the end of the video."""

    def __init__(self, source: LiveSource, clock: WallClock, fragment_ms: int) -> None:
        self.error: Exception | None = None
        self.dropped = 0
        self._source = source
        self._fragments: queue.Queue[LiveFragment | None] = queue.Queue(_KEPT)
        self._closed = False
        threading.Thread(target=self._read, args=(clock, fragment_ms), daemon=True).start()

    def fragments(self, is_stopped: Callable[[], bool]) -> Iterator[LiveFragment]:
        """Yields fragments until the source ends or breaks, or `is_stopped()`."""
        while not is_stopped():
            with suppress(queue.Empty):
                found = self._fragments.get(timeout=_CHECKED_EVERY_S)
                if found is None:
                    return
                yield found

    def close(self) -> None:
        """Ends the thread at its next fragment."""
        self._closed = True

    def _read(self, clock: WallClock, fragment_ms: int) -> None:
        try:
            for fragment in read_live(self._source, clock, fragment_ms):
                self._keep(fragment)
        except Exception as error:  # noqa: BLE001 - the player raises it in its own thread
            self.error = error
        with suppress(_ReadingStoppedError):
            self._put(None)

    def _keep(self, fragment: LiveFragment) -> None:
        if self._fragments.full() and not self._source.is_pipe:
            with suppress(queue.Empty):
                self._fragments.get_nowait()
                self.dropped += 1
        self._put(fragment)

    def _put(self, item: LiveFragment | None) -> None:
        while not self._closed:
            with suppress(queue.Full):
                return self._fragments.put(item, timeout=_CHECKED_EVERY_S)
        raise _ReadingStoppedError
