"""The notified fragments of one stream, gathered into bursts: what lies close together becomes one range.

Two clocks: a fragment's place in the video ("start"), and when we were told of it ("now"). A burst closes when nothing
was added to it for a while, or when it has been open for long. What was closed is remembered for a time, so that a
message that comes again opens nothing.
"""

from dataclasses import dataclass

from kinesight.domain.model import Value
from kinesight.domain.on_demand.executions import on_grid
from kinesight.domain.on_demand.kvs_notifications import NotifiedFragment

LONGEST_OPEN_MS = 300_000
"""A camera that notifies without end is analyzed every five minutes."""
_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class BurstRules:
    """Milliseconds before and after what was notified, without a new notification, and between sampled pictures."""

    pre_roll_ms: int
    post_roll_ms: int
    quiet_ms: int
    interval_ms: int

    @property
    def reach_ms(self) -> int:
        """Fragments whose starts lie no farther apart are one burst."""
        return self.pre_roll_ms + self.post_roll_ms + self.quiet_ms


class Burst(Value):
    """Starts of the first and the last fragment, and when the burst was opened and last added to."""

    first_ms: int
    last_ms: int
    last_fragment: str
    opened_at_ms: int
    touched_at_ms: int

    def due_at_ms(self, rules: BurstRules) -> int:
        """The post-roll must have been recorded by then."""
        return min(self.touched_at_ms + rules.quiet_ms + rules.post_roll_ms, self.opened_at_ms + LONGEST_OPEN_MS)

    def start_ms(self, rules: BurstRules) -> int:
        return on_grid(max(0, self.first_ms - rules.pre_roll_ms), rules.interval_ms)


class ClosedBurst(Value):
    """A range to analyze; fragments that start from `start_ms` to `last_ms` lie inside it whole."""

    start_ms: int
    last_ms: int
    end_ms: int


class StreamBursts(Value):
    """What is remembered of a stream. `closing` ranges are still to be started, `closed` ones have been."""

    open: tuple[Burst, ...] = ()
    closing: tuple[ClosedBurst, ...] = ()
    closed: tuple[ClosedBurst, ...] = ()
    wake_at_ms: int | None = None

    def covers(self, start_ms: int) -> bool:
        return any(one.start_ms <= start_ms <= one.last_ms for one in (*self.closing, *self.closed))

    def with_fragment(self, fragment: NotifiedFragment, now_ms: int, rules: BurstRules) -> "StreamBursts":
        """Bursts that the fragment connects become one."""
        if self.covers(fragment.start_ms):
            return self
        burst = Burst(
            first_ms=fragment.start_ms,
            last_ms=fragment.start_ms,
            last_fragment=fragment.fragment_number,
            opened_at_ms=now_ms,
            touched_at_ms=now_ms,
        )
        apart: list[Burst] = []
        for other in self.open:
            if burst.first_ms - other.last_ms > rules.reach_ms or other.first_ms - burst.last_ms > rules.reach_ms:
                apart.append(other)
            else:
                burst = _joined(burst, other)
        return self.model_copy(update={"open": (*apart, burst)})

    def due(self, now_ms: int, rules: BurstRules) -> tuple[Burst, ...]:
        return tuple(one for one in self.open if one.due_at_ms(rules) <= now_ms)

    def with_closing(self, burst: Burst, end_ms: int, rules: BurstRules) -> "StreamBursts":
        """Closes a burst; `end_ms`: where its last fragment ends. One cut off while it went on leaves its last fragment
        open, so that a post-roll comes after that too."""
        closing = ClosedBurst(start_ms=burst.start_ms(rules), last_ms=burst.last_ms, end_ms=end_ms + rules.post_roll_ms)
        rest = [one for one in self.open if one != burst]
        if burst.due_at_ms(rules) < burst.touched_at_ms + rules.post_roll_ms:
            rest.append(burst.model_copy(update={"first_ms": burst.last_ms, "opened_at_ms": burst.touched_at_ms}))
        return self.model_copy(update={"open": tuple(rest), "closing": (*self.closing, closing)})

    def with_started(self, started: tuple[ClosedBurst, ...]) -> "StreamBursts":
        rest = tuple(one for one in self.closing if one not in started)
        known = [one for one in self.closed if one not in started]
        return self.model_copy(update={"closing": rest, "closed": (*known, *started)[-_REMEMBERED:]})

    def next_due_at_ms(self, rules: BurstRules) -> int | None:
        return min((one.due_at_ms(rules) for one in self.open), default=None)


def _joined(one: Burst, other: Burst) -> Burst:
    last = max(one, other, key=lambda burst: burst.last_ms)
    return last.model_copy(
        update={
            "first_ms": min(one.first_ms, other.first_ms),
            "opened_at_ms": min(one.opened_at_ms, other.opened_at_ms),
            "touched_at_ms": max(one.touched_at_ms, other.touched_at_ms),
        }
    )
