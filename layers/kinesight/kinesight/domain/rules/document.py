"""The rules document: what matters on which camera. One JSON text for all streams, checked before it is used."""

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

Share = Annotated[float, Field(ge=0, le=1)]
Corner = tuple[Share, Share]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
StreamPattern = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.*?-]{1,256}$")]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Day = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
_DAYS: tuple[Day, ...] = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone of the IANA database, such as Europe/Berlin or UTC") from error
    return name


def _clock(value: str) -> time:
    return time(int(value[:2]), int(value[3:]))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True)


class Zone(_Part):
    """A polygon, as shares of the picture. What is in an EXCLUDE zone matters to no rule of the camera.

    BOTTOM_CENTER asks whether the middle of the box's lower edge is inside, OVERLAP whether a share of the box is.
    """

    name: Name
    polygon: tuple[Corner, ...] = Field(min_length=3, max_length=50)
    kind: Literal["INCLUDE", "EXCLUDE"] = "INCLUDE"
    by: Literal["BOTTOM_CENTER", "OVERLAP"] = "BOTTOM_CENTER"
    minimum_overlap: float = Field(default=0.5, gt=0, le=1)

    @property
    def least_overlap(self) -> float | None:
        """None where the lower edge decides."""
        return self.minimum_overlap if self.by == "OVERLAP" else None


class Confirmation(_Part):
    """So many of the last `of` analyzed pictures must match."""

    frames: int = Field(default=1, ge=1, le=100)
    of: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _can_happen(self) -> Self:
        if self.frames > self.of:
            raise ValueError(f"{self.frames} of {self.of} pictures can never match")
        return self


class QuietHours(_Part):
    """When a rule rests. From `start` to `end` by the wall clock of `time_zone`, over midnight if `end` comes first;
    `days` are those on which it starts."""

    start: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    end: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    days: tuple[Day, ...] = Field(default=_DAYS, min_length=1)

    def contain(self, moment: datetime) -> bool:
        """`moment` is aware. Equal start and end are a whole day."""
        here = moment.astimezone(ZoneInfo(self.time_zone))
        start, end = _clock(self.start), _clock(self.end)
        if start < end:
            return start <= here.time() < end and self._begins_on(here)
        if here.time() >= start:
            return self._begins_on(here)
        return here.time() < end and self._begins_on(here - timedelta(days=1))

    def _begins_on(self, here: datetime) -> bool:
        return _DAYS[here.weekday()] in self.days


class Rule(_Part):
    """What must be seen. Areas and sides are shares of the picture; an aspect ratio is a box's width by its height, in
    those shares. `tags` are globs that the producer's fragment tags must match, all of them."""

    name: Name
    severity: Literal["ALERT", "ACTIVITY"] = Field(default="ALERT", alias="class")
    labels: tuple[Name, ...] = ()
    minimum_confidence: float = Field(default=0, ge=0, le=100)
    minimum_area: Share = 0
    maximum_area: Share = 1
    minimum_aspect_ratio: float = Field(default=0, ge=0)
    maximum_aspect_ratio: float | None = Field(default=None, gt=0)
    zones: tuple[Name, ...] = ()
    confirmation: Confirmation = Confirmation()
    dwell_seconds: Seconds = 0
    cooldown_seconds: Seconds = 0
    quiet_hours: tuple[QuietHours, ...] = ()
    tags: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_match(self) -> Self:
        if self.minimum_area > self.maximum_area:
            raise ValueError("minimumArea is above maximumArea")
        if self.maximum_aspect_ratio is not None and self.minimum_aspect_ratio > self.maximum_aspect_ratio:
            raise ValueError("minimumAspectRatio is above maximumAspectRatio")
        return self


class SessionSettings(_Part):
    """Activity within `quiet_seconds` of the last one belongs to the same session, which is cut after
    `longest_seconds`. Pictures may arrive out of order by `ordering_seconds`. A session's video begins
    `pre_roll_seconds` before its first picture and ends `post_roll_seconds` after its last one."""

    quiet_seconds: float = Field(default=30, gt=0, le=3600)
    longest_seconds: float = Field(default=900, gt=0, le=86_400)
    ordering_seconds: float = Field(default=5, ge=0, le=300)
    pre_roll_seconds: float = Field(default=5, ge=0, le=300)
    post_roll_seconds: float = Field(default=5, ge=0, le=300)


class StationarySettings(_Part):
    """An object whose box stays the same (intersection over union) for `after_seconds` is part of the scene until it
    has not been seen there for `forget_seconds`. So is what the camera shows in the first `learn_seconds`."""

    enabled: bool = True
    minimum_overlap: float = Field(default=0.7, gt=0, le=1)
    learn_seconds: Seconds = 10
    after_seconds: Seconds = 60
    forget_seconds: float = Field(default=3600, gt=0, le=7 * 86_400)


class Camera(_Part):
    """Of the streams whose names match a pattern. Without `gate`, the frame gate is as the parameters have it."""

    streams: tuple[StreamPattern, ...] = Field(min_length=1)
    zones: tuple[Zone, ...] = Field(default=(), max_length=100)
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=100)
    sessions: SessionSettings = SessionSettings()
    stationary: StationarySettings = StationarySettings()
    gate: GateSettings | None = None

    @property
    def needs_order(self) -> bool:
        """Whether what one picture means depends on the ones before it."""
        temporal = any(rule.confirmation.of > 1 or rule.dwell_seconds > 0 for rule in self.rules)
        return temporal or self.stationary.enabled

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        _refuse_repeats("zones", [zone.name for zone in self.zones])
        _refuse_repeats("rules", [rule.name for rule in self.rules])
        known = {zone.name for zone in self.zones if zone.kind == "INCLUDE"}
        for rule in self.rules:
            unknown = sorted(set(rule.zones) - known)
            if unknown:
                raise ValueError(f"rule {rule.name!r} names the zones {', '.join(unknown)}, which are not among zones")
        return self


def _refuse_repeats(what: str, names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"several {what} have the name {', '.join(repeated)}")


class Configuration(_Part):
    """The whole document. The first camera that matches a stream's name counts."""

    json_schema: str | None = Field(default=None, alias="$schema")
    schema_version: Literal[1]
    cameras: tuple[Camera, ...]

    @classmethod
    def parse(cls, text: str) -> "Configuration":
        """Raises InvalidConfigurationError, with the line and the place of everything that is wrong."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise InvalidConfigurationError(f"not JSON: {error}") from error
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise InvalidConfigurationError(*(_problem(text, one) for one in _causes(error))) from error

    def camera(self, stream_name: str) -> Camera | None:
        """Case counts, as it does in stream names."""
        for camera in self.cameras:
            if any(fnmatchcase(stream_name, pattern) for pattern in camera.streams):
                return camera
        return None


def _causes(error: ValidationError) -> list[Any]:
    """Without the complaint that a list is empty where that is because its items are wrong."""
    found = error.errors()
    inside = {one["loc"][:length] for one in found for length in range(len(one["loc"]))}
    return [one for one in found if one["type"] != "too_short" or one["loc"] not in inside]


def _problem(text: str, error: Mapping[str, Any]) -> str:
    path = [part for part in error["loc"] if isinstance(part, str | int)]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"line {line_of(text, path)}: {where or 'the document'}: {said}"
