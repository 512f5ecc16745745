"""Matches the detections of one frame with the rules of its camera. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from kinesight.domain.configuration.camera import CameraSettings, Rule
from kinesight.domain.geometry import ZoneMap
from kinesight.domain.model import BoundingBox, Detection


@dataclass(frozen=True, slots=True)
class DetectionMatch:
    """A detection with its zones, and the names of the rules that match it; none if no rule matches."""

    detection: Detection
    rules: tuple[str, ...]


class CameraRules:
    """The rules of one camera, prepared for many frames."""

    def __init__(self, camera: CameraSettings) -> None:
        self.camera = camera
        self._zones = ZoneMap(camera.zones) if camera.zones else None
        self._rules = [_Prepared(rule) for rule in camera.rules]

    def match(
        self, detections: Iterable[Detection], moment: datetime, tags: Mapping[str, str] | None = None
    ) -> list[DetectionMatch]:
        """Matches each detection of a frame; `moment` is its aware timestamp, `tags` are its producer's fragment
        tags."""
        active = [rule for rule in self._rules if rule.is_active(moment, tags or {})]
        return [self._match(found, active) for found in detections]

    def _match(self, found: Detection, active: Sequence["_Prepared"]) -> DetectionMatch:
        box = found.bounding_box
        zones: tuple[str, ...] = ()
        excluded = False
        if box is not None and self._zones is not None:
            inside = [self.camera.zones[index] for index in self._zones.of(box)]
            excluded = any(zone.kind == "EXCLUDE" for zone in inside)
            zones = tuple(zone.name for zone in inside)
            found = found.model_copy(update={"zones": zones}) if zones else found
        if excluded:
            return DetectionMatch(found, ())
        label = found.label.casefold()
        return DetectionMatch(
            found, tuple(rule.name for rule in active if rule.passes(label, found.confidence, box, zones))
        )


class _Prepared:
    """A rule prepared for fast matching."""

    def __init__(self, rule: Rule) -> None:
        self.name = rule.name
        self._rule = rule
        self._labels = frozenset(label.casefold() for label in rule.labels)
        self._zones = frozenset(rule.zones)
        self._minimum_confidence = rule.minimum_confidence
        self._checks_area = bool(rule.minimum_area > 0 or rule.maximum_area < 1)
        self._checks_aspect_ratio = bool(rule.minimum_aspect_ratio > 0 or rule.maximum_aspect_ratio is not None)
        self._needs_box = bool(self._checks_area or self._checks_aspect_ratio or self._zones)

    def is_active(self, moment: datetime, tags: Mapping[str, str]) -> bool:
        """Whether the rule applies at this time and to these tags. S3 converts tag names to lower case."""
        globs = self._rule.tags
        if globs:
            given = {name.lower(): value for name, value in tags.items()}
            if not all(fnmatchcase(given.get(name.lower(), ""), glob) for name, glob in globs.items()):
                return False
        return not any(hours.contains(moment) for hours in self._rule.quiet_hours)

    def passes(self, label: str, confidence: float, box: BoundingBox | None, zones: Sequence[str]) -> bool:
        if confidence < self._minimum_confidence or (self._labels and label not in self._labels):
            return False
        if not self._needs_box:
            return True
        if box is None or (self._zones and self._zones.isdisjoint(zones)):
            return False
        return self._fits(box.width, box.height)

    def _fits(self, width: float, height: float) -> bool:
        rule = self._rule
        if self._checks_area and not rule.minimum_area <= width * height <= rule.maximum_area:
            return False
        if not self._checks_aspect_ratio:
            return True
        ratio = width / height if height > 0 else float("inf")
        return rule.minimum_aspect_ratio <= ratio and (
            rule.maximum_aspect_ratio is None or ratio <= rule.maximum_aspect_ratio
        )


def matched_labels(matches: Iterable[DetectionMatch]) -> tuple[str, ...]:
    """Returns the labels of the detections that match a rule, each once, in order of appearance."""
    return tuple(dict.fromkeys(one.detection.label for one in matches if one.rules))


def matched_rules(matches: Iterable[DetectionMatch]) -> tuple[str, ...]:
    """Returns the names of the matching rules, each once, in order of appearance."""
    return tuple(dict.fromkeys(name for one in matches for name in one.rules))
