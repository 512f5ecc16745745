"""Calls rate-limited APIs: spaces calls evenly and retries throttled ones."""

import random
from collections import defaultdict
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from kinesight.domain.errors import ThrottledError

_ATTEMPTS = 6
_LONGEST_WAIT_S = 8.0


class Clock(Protocol):
    """A clock."""

    def now_s(self) -> float:
        """Returns seconds of a monotonic clock."""

    def sleep_s(self, seconds: float) -> None:
        """Sleeps."""


class Pace:
    """Limits each API to `per_second` calls per second across all threads."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self._spacing_s = 1 / per_second
        self._free_at_s: dict[str, float] = defaultdict(float)
        self._lock = Lock()

    def call[T](self, api: str, action: Callable[[], T]) -> T:
        """Calls `action` and returns its result. Raises its errors; ThrottledError only after six attempts with full
        jitter."""
        for attempt in range(_ATTEMPTS - 1):
            self._wait(api)
            try:
                return action()
            except ThrottledError:
                self._clock.sleep_s(random.uniform(0, min(_LONGEST_WAIT_S, 0.5 * 2**attempt)))
        self._wait(api)
        return action()

    def _wait(self, api: str) -> None:
        with self._lock:
            now_s = self._clock.now_s()
            turn_s = max(now_s, self._free_at_s[api])
            self._free_at_s[api] = turn_s + self._spacing_s
        if turn_s > now_s:
            self._clock.sleep_s(turn_s - now_s)
