"""Whether a frame continues the clock of the frames before it, or the camera's clock was set.

A camera's clock may be wrong by years, and is set forward and back; frames also arrive late by a clock that is not.
KVS's clock shows which it is where it is known, and else how far a frame is off. All times are epoch milliseconds.
"""

from dataclasses import dataclass

CLOCK_JUMP_MS = 15 * 60_000
"""A frame that is older, or newer than it can be, by this much comes from a clock that was set, not late."""
_LITTLE_MS = 60_000
"""Between a fragment's timestamps, if the clocks agree and the network keeps up."""


@dataclass(slots=True)
class StreamClock:
    """The newest timestamp of a stream, and when it arrived by our clock. `ahead_ms`: how far the camera's clock is
    ahead of KVS's; None if it is not known."""

    latest_ms: int
    arrived_ms: int
    ahead_ms: int | None = None

    def expected_ms(self, now_ms: int) -> int:
        """Returns what the clock shows now, by the time that has passed since its newest timestamp."""
        return self.latest_ms + max(0, now_ms - self.arrived_ms)

    def continues(self, at_ms: int, now_ms: int, ahead_ms: int | None = None) -> bool:
        """Whether a frame that arrives now is by this clock, in order or late. It may be newer than the clock shows, up
        to now, because frames that waited arrive faster than they were taken."""
        is_possible = at_ms - max(now_ms, self.expected_ms(now_ms)) <= CLOCK_JUMP_MS
        late_ms = self.latest_ms - at_ms
        if ahead_ms is None or self.ahead_ms is None:
            return is_possible and late_ms <= CLOCK_JUMP_MS
        if abs(ahead_ms - self.ahead_ms) <= _LITTLE_MS:
            return True
        # Video that a producer buffered is behind KVS's clock, and goes on where it ended. None is ahead of it.
        is_buffered = max(ahead_ms, self.ahead_ms) <= _LITTLE_MS
        return is_possible and late_ms <= _LITTLE_MS and is_buffered

    def add(self, at_ms: int, now_ms: int, ahead_ms: int | None) -> None:
        """Adds a frame that continues this clock."""
        if at_ms > self.latest_ms:
            self.latest_ms, self.arrived_ms, self.ahead_ms = at_ms, now_ms, ahead_ms
