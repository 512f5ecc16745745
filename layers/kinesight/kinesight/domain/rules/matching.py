"""Which detections matter. Pure decisions over one picture's detections."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from kinesight.domain.geometry import ZoneMap
from kinesight.domain.model import BoundingBox, Detection
from kinesight.domain.rules.document import Camera, Configuration, Rule


@dataclass(frozen=True, slots=True)
class Judged:
    """A detection with the zones it is in, and the names of the rules it passes."""

    detection: Detection
    rules: tuple[str, ...]


class CameraRules:
    """One camera's rules, prepared for many pictures."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self._zones = ZoneMap(camera.zones) if camera.zones else None
        self._rules = [_Prepared(rule) for rule in camera.rules]

    def judge(
        self, detections: Iterable[Detection], moment: datetime, tags: Mapping[str, str] | None = None
    ) -> list[Judged]:
        """`moment` (aware) and the producer's `tags` are the picture's."""
        active = [rule for rule in self._rules if rule.is_active(moment, tags or {})]
        return [self._judge(found, active) for found in detections]

    def _judge(self, found: Detection, active: Sequence["_Prepared"]) -> Judged:
        box = found.bounding_box
        zones: tuple[str, ...] = ()
        excluded = False
        if box is not None and self._zones is not None:
            inside = [self.camera.zones[index] for index in self._zones.of(box)]
            excluded = any(zone.kind == "EXCLUDE" for zone in inside)
            zones = tuple(zone.name for zone in inside)
            found = found.model_copy(update={"zones": zones}) if zones else found
        if excluded:
            return Judged(found, ())
        label = found.label.casefold()
        return Judged(found, tuple(rule.name for rule in active if rule.passes(label, found.confidence, box, zones)))


class _Prepared:
    """A rule in the form that is quickest to ask."""

    def __init__(self, rule: Rule) -> None:
        self.name = rule.name
        self._rule = rule
        self._labels = frozenset(label.casefold() for label in rule.labels)
        self._zones = frozenset(rule.zones)
        self._minimum_confidence = rule.minimum_confidence
        self._asks_size = bool(rule.minimum_area > 0 or rule.maximum_area < 1)
        self._asks_shape = bool(rule.minimum_aspect_ratio > 0 or rule.maximum_aspect_ratio is not None)
        self._needs_box = bool(self._asks_size or self._asks_shape or self._zones)

    def is_active(self, moment: datetime, tags: Mapping[str, str]) -> bool:
        """By clock, and by the producer's tags, whose names S3 puts in lower case."""
        wanted = self._rule.tags
        if wanted:
            told = {name.lower(): value for name, value in tags.items()}
            if not all(fnmatchcase(told.get(name.lower(), ""), glob) for name, glob in wanted.items()):
                return False
        return not any(hours.contain(moment) for hours in self._rule.quiet_hours)

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
        if self._asks_size and not rule.minimum_area <= width * height <= rule.maximum_area:
            return False
        if not self._asks_shape:
            return True
        ratio = width / height if height > 0 else float("inf")
        return rule.minimum_aspect_ratio <= ratio and (
            rule.maximum_aspect_ratio is None or ratio <= rule.maximum_aspect_ratio
        )


class Rules:
    """The rules of every stream: those of the rules document where it names the stream, else the parameters'."""

    def __init__(self, default: Camera, configuration: Configuration | None = None) -> None:
        self.default = default
        self._configuration = configuration
        self._prepared: dict[str, CameraRules] = {}

    @classmethod
    def of(
        cls, labels: Iterable[str], minimum_confidence: float, configuration: Configuration | None = None
    ) -> "Rules":
        """Labels as a person wrote them: blanks around them and empty ones don't count, and none means every label.
        Confidence is 0 to 100."""
        wanted = [label.strip() for label in labels if label.strip()]
        rule = {"name": "default", "labels": wanted, "minimumConfidence": minimum_confidence}
        camera = {"streams": ["*"], "rules": [rule], "stationary": {"enabled": False}}
        return cls(Camera.model_validate(camera), configuration)

    def of_stream(self, stream_name: str) -> CameraRules:
        """Prepared once per stream."""
        if stream_name not in self._prepared:
            named = self._configuration.camera(stream_name) if self._configuration is not None else None
            self._prepared[stream_name] = CameraRules(named or self.default)
        return self._prepared[stream_name]

    def overridden(self, labels: Iterable[str] | None, minimum_confidence: float | None) -> "Rules":
        """With one execution's own labels or confidence, where it has any."""
        if labels is None and minimum_confidence is None:
            return self
        (rule,) = self.default.rules
        least = rule.minimum_confidence if minimum_confidence is None else minimum_confidence
        return Rules.of(rule.labels if labels is None else labels, least)


def matched_labels(judged: Iterable[Judged]) -> tuple[str, ...]:
    """The labels of the detections that pass a rule, each once, in order of appearance."""
    return tuple(dict.fromkeys(one.detection.label for one in judged if one.rules))


def matched_rules(judged: Iterable[Judged]) -> tuple[str, ...]:
    """The names of the rules that were passed, each once, in order of appearance."""
    return tuple(dict.fromkeys(name for one in judged for name in one.rules))
