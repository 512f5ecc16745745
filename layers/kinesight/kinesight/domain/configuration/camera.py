"""Settings of a camera: detector, gate, zones, rules, sessions, alert channels, sampling, and stream settings."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from kinesight.domain.gate.decision import GateSettings
from kinesight.domain.model import Selector

Ratio = Annotated[float, Field(ge=0, le=1)]
Corner = tuple[Ratio, Ratio]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
AlertChannelName = Literal["sns", "iot", "webhook"]
Kept = Literal["MATCHED", "ALL"]
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


class Part(BaseModel):
    """Base of everything in the document."""

    # Functions without a document build none of these validators.
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True, defer_build=True
    )


class Zone(Part):
    """A polygon in the image. No rule of the camera matches detections in EXCLUDE zones."""

    name: Name = Field(description="What rules call it; part of result records.")
    polygon: tuple[Corner, ...] = Field(
        min_length=3, max_length=50, description="Corners `[x, y]`: `[0, 0]` is upper left, `[1, 1]` lower right."
    )
    kind: Literal["INCLUDE", "EXCLUDE"] = Field(
        default="INCLUDE", description="`EXCLUDE`: no rule matches what is in it."
    )
    by: Literal["BOTTOM_CENTER", "OVERLAP"] = Field(
        default="BOTTOM_CENTER",
        description="What must be inside: the middle of the lower edge of the box, or a share of the box.",
    )
    minimum_overlap: float = Field(default=0.5, gt=0, le=1, description="That share of the box, for `OVERLAP`.")

    @property
    def least_overlap(self) -> float | None:
        """The minimum overlap of a zone by OVERLAP; None for BOTTOM_CENTER."""
        return self.minimum_overlap if self.by == "OVERLAP" else None


class Confirmation(Part):
    """How many of the last frames must match."""

    frames: int = Field(default=1, ge=1, le=100, description="Frames that must match")
    of: int = Field(default=1, ge=1, le=100, description="of so many last analyzed frames.")

    @model_validator(mode="after")
    def _check_frames(self) -> Self:
        if self.frames > self.of:
            raise ValueError(f"{self.frames} of {self.of} frames can never match")
        return self


class QuietHours(Part):
    """Hours in which a rule is inactive, past midnight if `end` is earlier than `start`; equal times are a whole
    day."""

    start: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="`HH:MM`, local time.")
    end: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="`HH:MM`, local time.")
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        default="UTC", description="A time zone of the IANA database, such as `Europe/Berlin`."
    )
    days: tuple[Day, ...] = Field(default=_DAYS, min_length=1, description="Days on which the hours start.")

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


class Rule(Part):
    """Conditions that a detection must meet, all of them."""

    name: Name = Field(description="Part of result records and alerts.")
    severity: Literal["ALERT", "ACTIVITY"] = Field(
        default="ALERT", alias="class", description="`ACTIVITY`: sessions and evidence, but no alert."
    )
    labels: tuple[Name, ...] = Field(
        default=(), description="As the detector writes them, in any case of letters; none: every label."
    )
    minimum_confidence: float = Field(
        default=0, ge=0, le=100, description="Percent. Detections below the detector's own minimum never arrive."
    )
    minimum_area: Ratio = Field(default=0, description="Of the box, as a share of the image.")
    maximum_area: Ratio = Field(default=1, description="Of the box, as a share of the image.")
    minimum_aspect_ratio: float = Field(
        default=0, ge=0, description="Width of the box divided by its height, as shares of the image."
    )
    maximum_aspect_ratio: float | None = Field(default=None, gt=0, description="As `minimumAspectRatio`.")
    zones: tuple[Name, ...] = Field(default=(), description="The detection must be in one of them; none: anywhere.")
    confirmation: Confirmation = Field(
        default_factory=Confirmation, description="How many of the last frames must match."
    )
    dwell_seconds: Seconds = Field(default=0, description="How long the detections must last.")
    cooldown_seconds: Seconds = Field(default=0, description="How long the rule opens no session after an alert.")
    quiet_hours: tuple[QuietHours, ...] = Field(default=(), description="When the rule is inactive.")
    tags: Mapping[str, str] = Field(
        default_factory=dict, description="Globs that the producer's fragment tags must match, all of them."
    )

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.minimum_area > self.maximum_area:
            raise ValueError("minimumArea is above maximumArea")
        if self.maximum_aspect_ratio is not None and self.minimum_aspect_ratio > self.maximum_aspect_ratio:
            raise ValueError("minimumAspectRatio is above maximumAspectRatio")
        return self


class SessionSettings(Part):
    """How activity becomes sessions, in seconds."""

    quiet_seconds: float = Field(default=30, gt=0, le=3600, description="Time without activity that ends a session.")
    longest_seconds: float = Field(default=900, gt=0, le=86_400, description="Length at which a session is split.")
    ordering_seconds: float = Field(
        default=5, ge=0, le=300, description="How long a frame waits for earlier ones that arrive late."
    )
    pre_roll_seconds: float = Field(default=5, ge=0, le=300, description="Video of a session before its first frame.")
    post_roll_seconds: float = Field(default=5, ge=0, le=300, description="Video of a session after its last frame.")
    clip: bool = Field(
        default=True,
        description="Whether the whole video of a session is archived, with pre-roll and post-roll; `false`: only the "
        "fragments that matched.",
    )
    clip_settle_seconds: int = Field(
        default=30,
        ge=0,
        le=600,
        description="Time after that until the video is archived, so that every fragment has arrived.",
    )


class StationarySettings(Part):
    """Objects that do not move, such as parked cars: they open and extend no session."""

    enabled: bool = Field(default=True, description="Without rules, the default is `false`.")
    minimum_overlap: float = Field(
        default=0.7, gt=0, le=1, description="Intersection over union of two boxes that are the same object."
    )
    learn_seconds: Seconds = Field(default=10, description="What is detected in the first seconds is stationary.")
    after_seconds: Seconds = Field(default=60, description="Time after which an object is stationary.")
    forget_seconds: float = Field(
        default=3600, gt=0, le=7 * 86_400, description="Time without it after which an object is new again."
    )


class FollowUp(Part):
    """A second detector for frames in which the first one detected something."""

    detector: Name = Field(description="A name of `detectors`, or a type.")
    labels: tuple[Name, ...] = Field(default=(), description="What the first one must have detected; none: anything.")
    minimum_confidence: float = Field(default=80, ge=0, le=100, description="Percent, of those detections.")
    on: Literal["FRAME", "CROP"] = Field(
        default="FRAME", description="Analyze the whole frame, or crops of those detections (a call for each)."
    )


class LiveSampling(Part):
    """Which keyframes of a stream that is read live are analyzed."""

    sampling_interval: int = Field(
        default=1000, ge=200, description="Milliseconds; the first keyframe of each interval is analyzed."
    )
    inference_interval: int = Field(default=0, ge=0, description="Instead: one keyframe of so many; 0: by time.")
    drop_after_seconds: int = Field(default=0, ge=0, description="Older fragments are dropped; 0: none.")


class RangeAnalysis(Part):
    """Ranges that notifications and sweeps analyze."""

    sampling_interval: int = Field(default=1000, ge=200, description="Milliseconds between images of GetImages.")
    pre_roll_seconds: int = Field(default=10, ge=0, le=300, description="Media before the notified fragment.")
    post_roll_seconds: int = Field(default=10, ge=0, le=300, description="Media after the notified fragment.")
    quiet_seconds: int = Field(
        default=30, ge=1, le=600, description="Notifications that are closer together are analyzed as one range."
    )
    settle_seconds: int = Field(
        default=120, ge=0, le=3600, description="Sweeps: how long after its start a fragment is stored."
    )


class ImageGeneration(Part):
    """Fields of UpdateImageGenerationConfiguration; the destination is the stack's."""

    status: Literal["ENABLED", "DISABLED"] = Field(default="ENABLED", description="`DISABLED`: left as it is.")
    image_selector_type: Selector = Field(default="PRODUCER_TIMESTAMP", description="Clock of the images.")
    sampling_interval: int = Field(default=3000, ge=200, description="Milliseconds between images.")
    format: Literal["JPEG", "PNG"] = Field(default="JPEG", description="Format of the images.")
    jpeg_quality: int | None = Field(default=None, ge=1, le=100, description="None: KVS's default, 80.")
    width_pixels: int | None = Field(default=None, ge=1, le=3840, description="None: the video's.")
    height_pixels: int | None = Field(default=None, ge=1, le=2160, description="None: the video's.")


class Notifications(Part):
    """The field of UpdateNotificationConfiguration that may differ between streams."""

    status: Literal["ENABLED", "DISABLED"] = Field(default="DISABLED", description="`DISABLED`: left as it is.")


class KeepSettings(Part):
    """What is kept in the evidence bucket of frames that were analyzed."""

    records: Kept = Field(default="MATCHED", description="`ALL`: also records of frames that match no rule.")
    fragments: Kept = Field(default="MATCHED", description="`ALL`: also fragments of frames that match no rule.")


class CameraSettings(Part):
    """All settings of a camera."""

    detector: Name | None = Field(
        default="REKOGNITION_LABELS",
        description="A name of `detectors`, or a type; `null`: frames are not analyzed.",
    )
    follow_up: FollowUp | None = Field(default=None, description="A second detector.")
    labels: tuple[Name, ...] = Field(
        default=(), description="Without `rules`: what a frame must show to match; none: anything."
    )
    minimum_confidence: float = Field(
        default=80,
        ge=0,
        le=100,
        description="Without `rules`: percent that a detection must have. In `defaults`, also that below which "
        "detectors report nothing.",
    )
    gate: GateSettings = Field(default_factory=GateSettings, description="The frame gate ([gate.md](gate.md)).")
    zones: tuple[Zone, ...] = Field(default=(), max_length=100, description="Polygons in the image.")
    rules: tuple[Rule, ...] = Field(
        default=(), max_length=100, description="A frame matches if one detection meets one rule."
    )
    sessions: SessionSettings = Field(
        default_factory=SessionSettings, description="How activity becomes sessions ([sessions.md](sessions.md))."
    )
    stationary: StationarySettings = Field(default_factory=StationarySettings, description="Objects that do not move.")
    keep: KeepSettings = Field(
        default_factory=KeepSettings, description="What is kept ([result-record.md](result-record.md#evidence))."
    )
    alert_channels: tuple[AlertChannelName, ...] | None = Field(
        default=None, description="Which of the stack's channels get alerts; `null`: all."
    )
    daily_budget_usd: Decimal | None = Field(
        default=None, ge=0, description="US dollars per UTC day for detector calls; `null`: no limit of its own."
    )
    budget_soft_percent: int = Field(
        default=80,
        ge=0,
        le=100,
        description="Percent of a budget from which calls are spread over the day.",
    )
    live: LiveSampling = Field(default_factory=LiveSampling, description="Sampling of streams that are read live.")
    analysis: RangeAnalysis = Field(
        default_factory=RangeAnalysis, description="Ranges that notifications and sweeps analyze."
    )
    image_generation: ImageGeneration = Field(
        default_factory=ImageGeneration, description="KVS image generation of the stream."
    )
    notifications: Notifications = Field(default_factory=Notifications, description="KVS notifications of the stream.")
    take_over_stream_settings: bool = Field(
        default=False,
        description="Whether image generation and notification settings that send to the bucket or topic of another "
        "owner are replaced; they are restored when the camera leaves the stack.",
    )
    images_missing_minutes: int = Field(
        default=60,
        ge=15,
        le=10_080,
        description="How long a stream may send fragments without a generated image, until an alarm.",
    )
    metrics_per_stream: bool = Field(
        default=False,
        description="Whether metrics of frames are also emitted for the stream alone, each for $0.30 a month "
        "([operations.md](operations.md#metrics)).",
    )

    @property
    def needs_order(self) -> bool:
        """Whether the result for a frame depends on earlier frames."""
        temporal = any(rule.confirmation.of > 1 or rule.dwell_seconds > 0 for rule in self.rules)
        return temporal or self.stationary.enabled

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _reject_duplicates("zones", [zone.name for zone in self.zones])
        _reject_duplicates("rules", [rule.name for rule in self.rules])
        return self

    def problems(self) -> Iterator[str]:
        """What cannot be seen in one part alone: zones that rules name."""
        known = {zone.name for zone in self.zones if zone.kind == "INCLUDE"}
        for rule in self.rules:
            unknown = sorted(set(rule.zones) - known)
            if unknown:
                yield f"rule {rule.name!r} names the zones {', '.join(unknown)}, which are not among zones"

    def completed(self) -> Self:
        """With the rule of `labels` and `minimum_confidence` if there are no others; such a camera ignores no
        stationary objects unless it says so."""
        if self.rules:
            return self
        rule = Rule.model_validate(
            {"name": "default", "labels": self.labels, "minimumConfidence": self.minimum_confidence}
        )
        change: dict[str, object] = {"rules": (rule,)}
        if "enabled" not in self.stationary.model_fields_set:
            change["stationary"] = self.stationary.model_copy(update={"enabled": False})
        return self.model_copy(update=change)


def _reject_duplicates(what: str, names: Sequence[str]) -> None:
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ValueError(f"several {what} have the name {', '.join(duplicates)}")
