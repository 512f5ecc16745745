"""Groups the notified fragments of one stream into bursts: fragments that are close together become one range.

Two clocks: the fragment's time in the video ("start"), and the time of its notification ("now"). A burst closes when no
fragment was added for a while, or when it has been open for too long. The last closed bursts are stored, so that a
redelivered message does not open a new one.
"""

from dataclasses import dataclass

from kinesight.domain.model import Value
from kinesight.domain.on_demand.executions import on_grid
from kinesight.domain.on_demand.kvs_notifications import NotifiedFragment

LONGEST_OPEN_MS = 300_000
"""A camera that notifies continuously is analyzed every five minutes."""
LONGEST_RANGE_MS = 600_000
"""From the first to the last fragment of a burst. A camera that sends hours of stored video has several bursts."""
_CLOSED_BURSTS_KEPT = 50


@dataclass(frozen=True, slots=True)
class BurstRules:
    """Milliseconds of pre-roll and post-roll, without a new notification, and between sampled images."""

    pre_roll_ms: int
    post_roll_ms: int
    quiet_ms: int
    interval_ms: int

    @property
    def reach_ms(self) -> int:
        """Fragments whose starts are at most this far apart are one burst."""
        return self.pre_roll_ms + self.post_roll_ms + self.quiet_ms


class Burst(Value):
    """An open burst: starts of its first and last fragment, and when it was opened and last extended. The fragment with
    the highest number is the last one, unless the camera's clock was set back."""

    first_ms: int
    last_ms: int
    last_fragment: str
    newest_fragment: str = ""
    opened_at_ms: int
    touched_at_ms: int

    def due_at_ms(self, rules: BurstRules) -> int:
        """Returns when the burst closes; its post-roll has been recorded by then."""
        return min(self.touched_at_ms + rules.quiet_ms + rules.post_roll_ms, self.opened_at_ms + LONGEST_OPEN_MS)

    def start_ms(self, rules: BurstRules) -> int:
        return on_grid(max(0, self.first_ms - rules.pre_roll_ms), rules.interval_ms)


class ClosedBurst(Value):
    """A range to analyze. Fragments up to `last_fragment` that start from `start_ms` to `last_ms` are entirely in it;
    later ones are there because the camera's clock was set back."""

    start_ms: int
    last_ms: int
    end_ms: int
    last_fragment: str = ""

    def covers(self, fragment: NotifiedFragment) -> bool:
        """Whether the range has been analyzed with this fragment. Numbers increase (API_dataplane_Fragment)."""
        is_newer = bool(self.last_fragment) and int(fragment.fragment_number) > int(self.last_fragment)
        return self.start_ms <= fragment.start_ms <= self.last_ms and not is_newer


class StreamBursts(Value):
    """Stored bursts of a stream. Executions of `closing` ranges have to be started, those of `closed` ranges have
    been."""

    open: tuple[Burst, ...] = ()
    closing: tuple[ClosedBurst, ...] = ()
    closed: tuple[ClosedBurst, ...] = ()
    wake_at_ms: int | None = None

    def covers(self, fragment: NotifiedFragment) -> bool:
        return any(one.covers(fragment) for one in (*self.closing, *self.closed))

    def with_fragment(self, fragment: NotifiedFragment, now_ms: int, rules: BurstRules) -> "StreamBursts":
        """Returns the bursts with a fragment; bursts that it connects are joined, unless they become too long."""
        if self.covers(fragment):
            return self
        burst = Burst(
            first_ms=fragment.start_ms,
            last_ms=fragment.start_ms,
            last_fragment=fragment.fragment_number,
            newest_fragment=fragment.fragment_number,
            opened_at_ms=now_ms,
            touched_at_ms=now_ms,
        )
        apart: list[Burst] = []
        for other in self.open:
            if _is_near(burst, other, rules.reach_ms):
                burst = _joined(burst, other)
            else:
                apart.append(other)
        return self.model_copy(update={"open": (*apart, burst)})

    def due(self, now_ms: int, rules: BurstRules) -> tuple[Burst, ...]:
        return tuple(one for one in self.open if one.due_at_ms(rules) <= now_ms)

    def with_closing(self, burst: Burst, end_ms: int, rules: BurstRules) -> "StreamBursts":
        """Closes a burst whose last fragment ends at `end_ms`. A burst that is closed for its age leaves its last
        fragment open, so that the post-roll after that fragment is analyzed too."""
        closing = ClosedBurst(
            start_ms=burst.start_ms(rules),
            last_ms=burst.last_ms,
            end_ms=end_ms + rules.post_roll_ms,
            last_fragment=burst.newest_fragment,
        )
        rest = [one for one in self.open if one != burst]
        if burst.due_at_ms(rules) < burst.touched_at_ms + rules.post_roll_ms:
            rest.append(burst.model_copy(update={"first_ms": burst.last_ms, "opened_at_ms": burst.touched_at_ms}))
        return self.model_copy(update={"open": tuple(rest), "closing": (*self.closing, closing)})

    def with_started(self, started: tuple[ClosedBurst, ...]) -> "StreamBursts":
        rest = tuple(one for one in self.closing if one not in started)
        known = [one for one in self.closed if one not in started]
        return self.model_copy(update={"closing": rest, "closed": (*known, *started)[-_CLOSED_BURSTS_KEPT:]})

    def next_due_at_ms(self, rules: BurstRules) -> int | None:
        return min((one.due_at_ms(rules) for one in self.open), default=None)


def _is_near(one: Burst, other: Burst, reach_ms: int) -> bool:
    gap_ms = max(one.first_ms - other.last_ms, other.first_ms - one.last_ms)
    length_ms = max(one.last_ms, other.last_ms) - min(one.first_ms, other.first_ms)
    return gap_ms <= reach_ms and length_ms <= LONGEST_RANGE_MS


def _joined(one: Burst, other: Burst) -> Burst:
    last = max(one, other, key=lambda burst: burst.last_ms)
    return last.model_copy(
        update={
            "first_ms": min(one.first_ms, other.first_ms),
            "opened_at_ms": min(one.opened_at_ms, other.opened_at_ms),
            "touched_at_ms": max(one.touched_at_ms, other.touched_at_ms),
            "newest_fragment": max(one.newest_fragment, other.newest_fragment, key=lambda number: int(number or 0)),
        }
    )
