"""What a data run must add up to. Pure: walks that were shown and the alerts that came, hostile messages and the dead
letters that came."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Walk:
    """A passage of what is to be alerted: its camera, its number, and when its second keyframe was complete (epoch
    milliseconds). `times_ms` are the timestamps of its keyframes by the camera's clock."""

    camera: str
    number: int
    ready_ms: int
    times_ms: frozenset[int]


@dataclass(frozen=True, slots=True)
class SentAlert:
    """An alert: its camera, the timestamp of its best image, and when it was sent; epoch milliseconds."""

    camera: str
    best_ms: int
    sent_ms: int


DeadLetterKind = tuple[str, str]
"""The place of a dead letter, as in DEAD_LETTERS, and its errorType."""


@dataclass(frozen=True, slots=True)
class Row:
    """Totals of a camera: walks, alerts, walks without and with several alerts, alerts of nothing, seconds until the
    alerts."""

    camera: str
    walks: int
    alerts: int
    missed: int
    repeated: int
    unfounded: int
    delays_s: tuple[float, ...]

    @property
    def median_s(self) -> float | None:
        return statistics.median(self.delays_s) if self.delays_s else None


def account(walks: Sequence[Walk], alerts: Iterable[SentAlert]) -> list[Row]:
    """Compares walks with alerts, by camera."""
    by_time = {(one.camera, at_ms): one for one in walks for at_ms in one.times_ms}
    of_walk: dict[Walk, list[SentAlert]] = {one: [] for one in walks}
    unfounded: Counter[str] = Counter()
    for alert in alerts:
        walk = by_time.get((alert.camera, alert.best_ms))
        if walk is None:
            unfounded[alert.camera] += 1
        else:
            of_walk[walk].append(alert)
    cameras = sorted({one.camera for one in walks} | set(unfounded))
    return [_row(camera, of_walk, unfounded[camera]) for camera in cameras]


def _row(camera: str, of_walk: Mapping[Walk, Sequence[SentAlert]], unfounded: int) -> Row:
    mine = {walk: sent for walk, sent in of_walk.items() if walk.camera == camera}
    delays = [min(one.sent_ms for one in sent) - walk.ready_ms for walk, sent in mine.items() if sent]
    return Row(
        camera=camera,
        walks=len(mine),
        alerts=sum(len(sent) for sent in mine.values()) + unfounded,
        missed=sum(not sent for sent in mine.values()),
        repeated=sum(len(sent) > 1 for sent in mine.values()),
        unfounded=unfounded,
        delays_s=tuple(max(0, delay) / 1000 for delay in delays),
    )


_SLOWER = 2
_SLOWER_S = 5
"""A healthy camera's alerts may take this much longer beside hostile ones: the machine has more to do."""


def problems(calm: Sequence[Row], hostile: Sequence[Row], healthy: Iterable[str]) -> list[str]:
    """Sentences on what is wrong. `calm`: the healthy cameras before there were hostile ones."""
    found = [
        f"{one.camera}: {count} walks {what}"
        for one in (*calm, *hostile)
        for count, what in ((one.missed, "without an alert"), (one.repeated, "with several alerts"))
        if count
    ]
    found += [f"{one.camera}: {one.unfounded} alerts of nothing" for one in (*calm, *hostile) if one.unfounded]
    usual_s = max((delay for row in calm for delay in row.delays_s), default=0.0)
    for row in hostile:
        slowest_s = max(row.delays_s, default=0.0)
        if row.camera in healthy and slowest_s > _SLOWER * usual_s + _SLOWER_S:
            found.append(f"{row.camera}: an alert after {slowest_s:.1f} s, {usual_s:.1f} s at most before")
    return found


def letter_problems(expected: Counter[DeadLetterKind], found: Counter[DeadLetterKind]) -> list[str]:
    """Sentences on hostile messages that are not dead-lettered, and on others that are. One may be dead-lettered twice,
    since delivery is at-least-once."""
    lacking = [
        f"{count} of {expected[place, reason]} hostile messages are not in the dead letters of {place} as {reason}"
        for (place, reason), count in (expected - found).items()
    ]
    strange = [
        f"{count} dead letters of {place} as {reason or 'nothing'}, which were not expected"
        for (place, reason), count in found.items()
        if (place, reason) not in expected
    ]
    return lacking + strange


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| camera | walks | alerts | missed | repeated | of nothing | median s |", "|---|" + "---:|" * 6]
    for row in rows:
        median = "" if row.median_s is None else f"{row.median_s:.1f}"
        numbers = (row.walks, row.alerts, row.missed, row.repeated, row.unfounded)
        lines.append(f"| {row.camera} | " + " | ".join(map(str, numbers)) + f" | {median} |")
    return "\n".join(lines)
