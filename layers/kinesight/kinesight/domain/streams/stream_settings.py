"""Stream settings: the model of configure_streams and its two ports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from kinesight.domain.ports import StreamDirectory, VideoStream
from kinesight.domain.streams.selection import StreamSelection

_QUALITY = "quality"

FeatureSettings = Mapping[str, Any]
"""ImageGenerationConfiguration or NotificationConfiguration of KVS's API."""


class Feature(StrEnum):
    """Feature of a stream that configure_streams sets."""

    IMAGE_GENERATION = "image-generation"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class ManagedFeature:
    """One feature of one stream that this stack has set.

    `original` are the settings before that (None: none). `applied` are the settings that were set, latest last, with
    the previous ones, since a run may stop between saving this and calling KVS. `verified_at_s` is epoch seconds; 0
    until they were set. `described` are the settings that KVS returned after that, if they are others.
    """

    stream_name: str
    stream_arn: str
    feature: Feature
    original: FeatureSettings | None
    applied: tuple[FeatureSettings, ...]
    verified_at_s: float
    described: FeatureSettings | None = None

    def is_in_effect(self, current: FeatureSettings | None, desired: FeatureSettings) -> bool:
        """Whether setting `desired` again would change nothing.

        Once they were set, fields besides are KVS's own. Settings are set only once if KVS returns others afterwards:
        images stop for a minute each time ("Get started with Amazon KVS image generation").
        """
        if self.verified_at_s == 0 or not equal_settings(self.applied[-1], desired):
            return equal_settings(current, desired)
        return self.is_own(current)

    def is_own(self, current: FeatureSettings | None) -> bool:
        """Whether the current settings of the stream are those that this stack has set."""
        if current is None:
            return False
        return current == self.described or any(not drift(current, one) for one in self.applied)


class ConfigurableStreams(StreamDirectory, Protocol):
    """Streams and their settings: image generation and notification."""

    def feature_settings(self, feature: Feature, stream_arn: str) -> FeatureSettings | None:
        """Returns the settings of a feature, or None if there are none. Raises as `describe` does."""

    def configure(self, feature: Feature, stream_arn: str, settings: FeatureSettings | None) -> None:
        """Replaces the settings of a feature; None deletes them.

        Raises as `describe` does, and NoRetentionError, StreamBusyError.
        """


class ManagedStreams(Protocol):
    """Stored features that this stack has set, and the lock of the run that sets them."""

    def all(self) -> list[ManagedFeature]:
        """Lists every entry."""

    def manages(self, feature: Feature, stream_arn: str) -> bool:
        """Returns whether there is an entry."""

    def add(self, managed: ManagedFeature) -> ManagedFeature:
        """Stores an entry unless there is one; returns the stored entry."""

    def update(self, managed: ManagedFeature) -> None:
        """Replaces an entry, except its original settings."""

    def forget(self, managed: ManagedFeature) -> None:
        """Deletes an entry, if it exists."""

    def lock(self, seconds: float) -> str | None:
        """Acquires the lock for this long; returns its token, or None if another run holds it."""

    def unlock(self, token: str) -> None:
        """Releases the lock if it still has this token."""

    def retire(self, retired: bool) -> None:
        """Stores whether the stack is being deleted, after which a late scheduled run changes nothing."""

    def retired(self) -> bool:
        """Returns what `retire` stored."""


class StreamTags(Protocol):
    """Tags of streams by name, kept for functions that know a stream's name alone."""

    def load(self) -> Mapping[str, Mapping[str, str]]:
        """Returns what was saved last. Raises StorageBusyError."""

    def save(self, tags: Mapping[str, Mapping[str, str]]) -> None:
        """Replaces it. Raises StorageBusyError."""


@dataclass(frozen=True, slots=True)
class StreamFeatures:
    """The settings of one stream. A feature that is None is not set, and is restored if it was.

    The destination Region of image generation is that of each stream. `takes_over`: whether settings with the
    destination of another owner may be replaced.
    """

    image_generation: FeatureSettings | None
    notification: FeatureSettings | None
    takes_over: bool = False

    def feature_settings(self, feature: Feature, stream: VideoStream) -> FeatureSettings | None:
        """Returns the settings of a feature for a stream."""
        if feature is Feature.NOTIFICATION:
            return self.notification
        if self.image_generation is None:
            return None
        destination = self.image_generation["DestinationConfig"] | {"DestinationRegion": stream.region}
        return {**self.image_generation, "DestinationConfig": destination}


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Which streams, and the settings of each by its name and tags; without `needs_tags`, tags need not be known."""

    selection: StreamSelection
    features: Callable[[str, Mapping[str, str]], StreamFeatures]
    needs_tags: bool = False


def equal_settings(one: FeatureSettings | None, other: FeatureSettings | None) -> bool:
    """Whether two settings are equivalent: an absent JPEG quality is the default of KVS, and a slash at the end of a
    destination means nothing."""
    return _normalized(one) == _normalized(other)


def foreign_destination(current: FeatureSettings | None, *own: FeatureSettings) -> str | None:
    """Returns where enabled settings send to, if that is none of `own`'s destinations: a stream has one of each kind.

    Another folder of a bucket of `own` is not foreign.
    """
    if not current or current.get("Status") != "ENABLED":
        return None
    owners = {"", *(_owner(_destination(one)) for one in own)}
    theirs = _destination(current)
    return None if _owner(theirs) in owners else theirs


def _destination(settings: FeatureSettings) -> str:
    return str((settings.get("DestinationConfig") or {}).get("Uri", ""))


def _owner(destination: str) -> str:
    """Returns the bucket of an S3 address, else the whole destination."""
    return "/".join(destination.split("/")[:3]) if destination.startswith("s3://") else destination


def drift(current: FeatureSettings | None, desired: FeatureSettings) -> tuple[str, ...]:
    """Returns the names of the desired fields that have another value, sorted. KVS may return more fields."""
    one, other = _normalized(current) or {}, _normalized(desired) or {}
    different = (name for name in other if one.get(name) != other[name])
    return tuple(sorted("FormatConfig" if name == _QUALITY else name for name in different))


def _normalized(settings: FeatureSettings | None) -> FeatureSettings | None:
    if not settings:
        return None
    normalized = {key: value for key, value in settings.items() if value is not None and key != "FormatConfig"}
    if normalized.get("Format") == "JPEG":
        normalized[_QUALITY] = str((settings.get("FormatConfig") or {}).get("JPEGQuality", "80"))
    if "DestinationConfig" in normalized:
        normalized["DestinationConfig"] = normalized["DestinationConfig"] | {"Uri": _destination(settings).rstrip("/")}
    return normalized
