"""What configure_streams speaks of: streams, what is wanted of them, what was done to them, and its two ports."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from kinesight.domain.streams.selection import StreamSelection

_QUALITY = "quality"

Configuration = Mapping[str, Any]
"""A configuration as KVS's API has it."""


class Feature(StrEnum):
    """What can be configured on a stream."""

    IMAGE_GENERATION = "image-generation"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class VideoStream:
    """A stream as ListStreams tells of it. `version` is what a change of the stream must name."""

    name: str
    arn: str
    status: str
    retention_hours: int
    version: str = ""

    @property
    def active(self) -> bool:
        """Only then it takes media and configurations."""
        return self.status == "ACTIVE"

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]


@dataclass(frozen=True, slots=True)
class Managed:
    """What was done to one feature of one stream.

    `original` is what it had before (None: nothing). `applied` holds what was set, the latest last, and the one before
    it, since a run may be cut off between writing this down and doing it. `verified_at_s` is epoch seconds.
    """

    stream_name: str
    stream_arn: str
    feature: Feature
    original: Configuration | None
    applied: tuple[Configuration, ...]
    verified_at_s: float


class StreamRegistry(Protocol):
    """KVS's control plane."""

    def streams(self) -> Iterator[VideoStream]:
        """All streams of the account and Region."""

    def tags(self, stream_arn: str) -> Mapping[str, str]:
        """Raises StreamGoneError, ThrottledError, StreamRefusedError."""

    def configuration(self, feature: Feature, stream_arn: str) -> Configuration | None:
        """None if there is none. Raises as `tags` does."""

    def configure(self, feature: Feature, stream_arn: str, configuration: Configuration | None) -> None:
        """None deletes. Raises as `tags` does, and NoRetentionError, StreamBusyError."""


class ManagedStreams(Protocol):
    """What is remembered of the streams that were changed, and the lock of the one who changes them."""

    def all(self) -> list[Managed]:
        """Every entry."""

    def add(self, managed: Managed) -> Managed:
        """Remembers; an entry that is already there stays. Returns what is remembered now."""

    def update(self, managed: Managed) -> None:
        """Replaces all but the original."""

    def forget(self, managed: Managed) -> None:
        """The entry is gone; that it was gone already doesn't matter."""

    def lock(self, seconds: float) -> str | None:
        """A token, or None while somebody else holds the lock."""

    def unlock(self, token: str) -> None:
        """Frees the lock if it is still that token's."""

    def retire(self, retired: bool) -> None:
        """Whether the stack is being deleted, so that a late scheduled run changes nothing."""

    def retired(self) -> bool:
        """See `retire`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which streams, and what they shall have. A feature that is absent is left alone, and given back if it was set.

    In image generation the destination's Region is each stream's own, and is filled in here.
    """

    selection: StreamSelection
    image_generation: Configuration | None
    notification: Configuration | None

    def configuration(self, feature: Feature, stream: VideoStream) -> Configuration | None:
        if feature is Feature.NOTIFICATION:
            return self.notification
        if self.image_generation is None:
            return None
        destination = self.image_generation["DestinationConfig"] | {"DestinationRegion": stream.region}
        return {**self.image_generation, "DestinationConfig": destination}


def same(one: Configuration | None, other: Configuration | None) -> bool:
    """Whether two configurations mean the same: an absent JPEG quality is the service's default."""
    return _plain(one) == _plain(other)


def drift(found: Configuration | None, wanted: Configuration) -> tuple[str, ...]:
    """The fields in which a configuration does not mean what is wanted, in the order of their names."""
    one, other = _plain(found) or {}, _plain(wanted) or {}
    different = (name for name in {*one, *other} if one.get(name) != other.get(name))
    return tuple(sorted("FormatConfig" if name == _QUALITY else name for name in different))


def _plain(configuration: Configuration | None) -> Configuration | None:
    if not configuration:
        return None
    plain = {key: value for key, value in configuration.items() if value is not None and key != "FormatConfig"}
    if plain.get("Format") == "JPEG":
        plain[_QUALITY] = str((configuration.get("FormatConfig") or {}).get("JPEGQuality", "80"))
    return plain
