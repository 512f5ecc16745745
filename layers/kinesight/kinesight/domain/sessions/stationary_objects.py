"""Stationary objects of a camera's scene, such as a parked car: they open and extend no session."""

from dataclasses import dataclass, field

from kinesight.domain.configuration.camera import StationarySettings
from kinesight.domain.model import BoundingBox

_MOST_OBJECTS = 200


@dataclass(slots=True)
class KnownObject:
    """An object at one place. `settled`: it is stationary, or was there from the start."""

    label: str
    box: BoundingBox
    since_ms: int
    seen_ms: int
    settled: bool = False


@dataclass(slots=True)
class Scene:
    """Objects of one camera."""

    begun_ms: int | None = None
    objects: list[KnownObject] = field(default_factory=list)

    def begin(self, at_ms: int, settings: StationarySettings) -> None:
        """Starts a frame: drops objects that have not been detected for long."""
        if self.begun_ms is None:
            self.begun_ms = at_ms
        self.objects = [one for one in self.objects if at_ms - one.seen_ms <= _kept_ms(one, settings)][-_MOST_OBJECTS:]

    def is_stationary(self, label: str, box: BoundingBox | None, at_ms: int, settings: StationarySettings) -> bool:
        """Whether this detection of the current frame is stationary; also records it."""
        if box is None:
            return False
        known = self._find(label, box, settings.minimum_overlap)
        if known is None:
            known = KnownObject(label, box, at_ms, at_ms)
            known.settled = self.begun_ms is not None and at_ms - self.begun_ms <= 1000 * settings.learn_seconds
            self.objects.append(known)
        known.since_ms, known.seen_ms = min(known.since_ms, at_ms), max(known.seen_ms, at_ms)
        known.settled = known.settled or at_ms - known.since_ms >= 1000 * settings.after_seconds
        return known.settled

    def _find(self, label: str, box: BoundingBox, least: float) -> KnownObject | None:
        alike = [one for one in self.objects if one.label == label]
        best = max(alike, key=lambda one: intersection_over_union(one.box, box), default=None)
        return best if best is not None and intersection_over_union(best.box, box) >= least else None


def _kept_ms(known: KnownObject, settings: StationarySettings) -> float:
    return 1000 * (settings.forget_seconds if known.settled else settings.after_seconds)


def intersection_over_union(one: BoundingBox, other: BoundingBox) -> float:
    """0 to 1."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (one.width * one.height + other.width * other.height - common)
