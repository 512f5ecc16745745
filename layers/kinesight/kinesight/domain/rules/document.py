"""The rules document: rules and settings per camera, in one JSON document for all streams, validated before use."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from kinesight.domain.errors import InvalidConfigurationError
from kinesight.domain.gate.decision import GateSettings
from kinesight.domain.rules.json_lines import line_of

Ratio = Annotated[float, Field(ge=0, le=1)]
Corner = tuple[Ratio, Ratio]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
StreamPattern = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.*?-]{1,256}$")]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Day = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
_DAYS: tuple[Day, ...] = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone of the IANA database, such as Europe/Berlin or UTC") from error
    return name


def _time_of_day(value: str) -> time:
    return time(int(value[:2]), int(value[3:]))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True)


class Zone(_Part):
    """A polygon whose corners are ratios of the image size. No rule of the camera matches detections in EXCLUDE zones.

    A detection is in the zone if the middle of its lower edge is inside (BOTTOM_CENTER), or if at least
    `minimum_overlap` of its box is inside (OVERLAP).
    """

    name: Name
    polygon: tuple[Corner, ...] = Field(min_length=3, max_length=50)
    kind: Literal["INCLUDE", "EXCLUDE"] = "INCLUDE"
    by: Literal["BOTTOM_CENTER", "OVERLAP"] = "BOTTOM_CENTER"
    minimum_overlap: float = Field(default=0.5, gt=0, le=1)

    @property
    def least_overlap(self) -> float | None:
        """The minimum overlap of a zone by OVERLAP; None for BOTTOM_CENTER."""
        return self.minimum_overlap if self.by == "OVERLAP" else None


class Confirmation(_Part):
    """A rule is confirmed if it matches `frames` of the last `of` analyzed frames."""

    frames: int = Field(default=1, ge=1, le=100)
    of: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _check_frames(self) -> Self:
        if self.frames > self.of:
            raise ValueError(f"{self.frames} of {self.of} frames can never match")
        return self


class QuietHours(_Part):
    """Hours in which a rule is inactive: from `start` to `end`, local time of `time_zone`, past midnight if `end` is
    earlier. `days` are the days on which they start."""

    start: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    end: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    days: tuple[Day, ...] = Field(default=_DAYS, min_length=1)

    def contains(self, moment: datetime) -> bool:
        """Whether an aware datetime is within these hours. Equal `start` and `end` mean the whole day."""
        local = moment.astimezone(ZoneInfo(self.time_zone))
        start, end = _time_of_day(self.start), _time_of_day(self.end)
        if start < end:
            return start <= local.time() < end and self._starts_on(local)
        if local.time() >= start:
            return self._starts_on(local)
        return local.time() < end and self._starts_on(local - timedelta(days=1))

    def _starts_on(self, local: datetime) -> bool:
        return _DAYS[local.weekday()] in self.days


class Rule(_Part):
    """Conditions that a detection must meet. Areas are ratios of the image area; an aspect ratio is width divided by
    height, both as ratios of the image size. `tags` are globs that the producer's fragment tags must all match."""

    name: Name
    severity: Literal["ALERT", "ACTIVITY"] = Field(default="ALERT", alias="class")
    labels: tuple[Name, ...] = ()
    minimum_confidence: float = Field(default=0, ge=0, le=100)
    minimum_area: Ratio = 0
    maximum_area: Ratio = 1
    minimum_aspect_ratio: float = Field(default=0, ge=0)
    maximum_aspect_ratio: float | None = Field(default=None, gt=0)
    zones: tuple[Name, ...] = ()
    confirmation: Confirmation = Confirmation()
    dwell_seconds: Seconds = 0
    cooldown_seconds: Seconds = 0
    quiet_hours: tuple[QuietHours, ...] = ()
    tags: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.minimum_area > self.maximum_area:
            raise ValueError("minimumArea is above maximumArea")
        if self.maximum_aspect_ratio is not None and self.minimum_aspect_ratio > self.maximum_aspect_ratio:
            raise ValueError("minimumAspectRatio is above maximumAspectRatio")
        return self


class SessionSettings(_Part):
    """Session settings of a camera. Activity within `quiet_seconds` of the last activity belongs to the same session,
    which is split after `longest_seconds`. Frames may arrive out of order by `ordering_seconds`. The video of a session
    starts `pre_roll_seconds` before its first frame and ends `post_roll_seconds` after its last frame."""

    quiet_seconds: float = Field(default=30, gt=0, le=3600)
    longest_seconds: float = Field(default=900, gt=0, le=86_400)
    ordering_seconds: float = Field(default=5, ge=0, le=300)
    pre_roll_seconds: float = Field(default=5, ge=0, le=300)
    post_roll_seconds: float = Field(default=5, ge=0, le=300)


class StationarySettings(_Part):
    """An object whose box stays the same (intersection over union) for `after_seconds` is stationary, as is every
    object detected in the first `learn_seconds`, until it has not been detected there for `forget_seconds`."""

    enabled: bool = True
    minimum_overlap: float = Field(default=0.7, gt=0, le=1)
    learn_seconds: Seconds = 10
    after_seconds: Seconds = 60
    forget_seconds: float = Field(default=3600, gt=0, le=7 * 86_400)


class Camera(_Part):
    """Rules and settings of the streams whose names match a pattern. `gate` overrides the gate settings of the
    stack."""

    streams: tuple[StreamPattern, ...] = Field(min_length=1)
    zones: tuple[Zone, ...] = Field(default=(), max_length=100)
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=100)
    sessions: SessionSettings = SessionSettings()
    stationary: StationarySettings = StationarySettings()
    gate: GateSettings | None = None

    @property
    def needs_order(self) -> bool:
        """Whether the result for a frame depends on earlier frames."""
        temporal = any(rule.confirmation.of > 1 or rule.dwell_seconds > 0 for rule in self.rules)
        return temporal or self.stationary.enabled

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _reject_duplicates("zones", [zone.name for zone in self.zones])
        _reject_duplicates("rules", [rule.name for rule in self.rules])
        known = {zone.name for zone in self.zones if zone.kind == "INCLUDE"}
        for rule in self.rules:
            unknown = sorted(set(rule.zones) - known)
            if unknown:
                raise ValueError(f"rule {rule.name!r} names the zones {', '.join(unknown)}, which are not among zones")
        return self


def _reject_duplicates(what: str, names: Sequence[str]) -> None:
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ValueError(f"several {what} have the name {', '.join(duplicates)}")


class RulesDocument(_Part):
    """The rules document. The first camera that matches a stream's name applies."""

    json_schema: str | None = Field(default=None, alias="$schema")
    schema_version: Literal[1]
    cameras: tuple[Camera, ...]

    @classmethod
    def parse(cls, text: str) -> "RulesDocument":
        """Parses and validates a document. Raises InvalidConfigurationError with the line and path of each problem."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise InvalidConfigurationError(f"not valid JSON: {error}") from error
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise InvalidConfigurationError(*(_problem(text, one) for one in _causes(error))) from error

    def camera(self, stream_name: str) -> Camera | None:
        """Returns the first camera that matches the stream's name, case-sensitively, or None."""
        for camera in self.cameras:
            if any(fnmatchcase(stream_name, pattern) for pattern in camera.streams):
                return camera
        return None


def _causes(error: ValidationError) -> list[Any]:
    """Returns the errors, without those that a list is too short only because its items are invalid."""
    found = error.errors()
    inside = {one["loc"][:length] for one in found for length in range(len(one["loc"]))}
    return [one for one in found if one["type"] != "too_short" or one["loc"] not in inside]


def _problem(text: str, error: Mapping[str, Any]) -> str:
    path = [part for part in error["loc"] if isinstance(part, str | int)]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"line {line_of(text, path)}: {where or 'the document'}: {message}"
