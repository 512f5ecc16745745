"""Streams and their settings, kept in the index."""

import json
import secrets
import string
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kinesight_local.kvs.exceptions import (
    InvalidArgumentError,
    NoDataRetentionError,
    ResourceInUseError,
    ResourceNotFoundError,
    TagsPerResourceExceededError,
    VersionMismatchError,
)
from kinesight_local.kvs.storage.index import Index

_MAXIMUM_TAGS = 50
_MAXIMUM_RETENTION_HOURS = 87_600


def _version() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(20))


@dataclass(frozen=True, slots=True)
class StreamKey:
    """A stream's name, ARN or both, which must then agree."""

    name: str | None = None
    arn: str | None = None

    @property
    def stream_name(self) -> str:
        """The name, or the name within the ARN; "" without either."""
        return self.name or (self.arn or "").rpartition(":stream/")[2].partition("/")[0]


@dataclass(frozen=True, slots=True)
class Stream:
    """A video stream. Its status is always ACTIVE: the producer SDKs poll a CREATING stream in a tight loop."""

    name: str
    arn: str
    created_ms: int
    media_type: str = ""
    device_name: str = ""
    kms_key_id: str = ""
    retention_hours: int = 0
    version: str = field(default_factory=_version)
    tags: dict[str, str] = field(default_factory=dict)
    image_generation: dict[str, Any] | None = None
    notification: dict[str, Any] | None = None
    storage_tier: str = "HOT"


class StreamRegistry:
    """Streams by name or ARN, in the table `streams`. Every change is atomic.

    The version changes with retention, device name, media type and storage tier, whose updates require it. AWS does not
    document whether tags and image or notification settings change it.
    """

    def __init__(self, index: Index, *, arn_prefix: str, now_ms: Callable[[], int]) -> None:
        """`arn_prefix`: the ARN up to and including the account number."""
        self._index = index
        self._arn_prefix = arn_prefix
        self._now_ms = now_ms
        self._created_ms = 0

    def count(self) -> int:
        """The number of streams."""
        return int(self._index.rows("SELECT COUNT(*) FROM streams")[0][0])

    def create(self, name: str, **fields: Any) -> Stream:
        """Raises ResourceInUseError if the name is taken, InvalidArgumentError for a retention over ten years."""
        _check_hours(fields.get("retention_hours", 0))
        with self._index.lock:
            if self._find(name) is not None:
                raise ResourceInUseError(f"The stream {name} already exists.")
            # The creation time distinguishes successive streams of one name, so it is never assigned twice.
            self._created_ms = max(self._now_ms(), self._created_ms + 1)
            stream = Stream(name, f"{self._arn_prefix}:stream/{name}/{self._created_ms}", self._created_ms, **fields)
            self._save(stream)
            return stream

    def ensure(self, name: str, **fields: Any) -> Stream:
        """The stream of that name, created if it does not exist. Raises InvalidArgumentError."""
        with self._index.lock:
            return self._find(name) or self.create(name, **fields)

    def get(self, key: StreamKey) -> Stream:
        """Raises InvalidArgumentError without name and ARN, ResourceNotFoundError if the stream does not exist."""
        if not key.name and not key.arn:
            raise InvalidArgumentError("Either StreamName or StreamARN is required.")
        stream = self._find(key.stream_name)
        if stream is None or (key.arn and key.arn != stream.arn):
            raise ResourceNotFoundError(f"The requested stream {key.arn or key.name} is not found or not active.")
        return stream

    def all(self, begins_with: str = "") -> list[Stream]:
        """Sorted by name."""
        rows = self._index.rows("SELECT document FROM streams ORDER BY name")
        streams = [Stream(**json.loads(document)) for (document,) in rows]
        return [stream for stream in streams if stream.name.startswith(begins_with)]

    def delete(self, key: StreamKey, version: str | None) -> Stream:
        """Returns the deleted stream. Raises VersionMismatchError, ResourceNotFoundError."""
        with self._index.lock:
            stream = self.get(key)
            _check_version(stream, version)
            self._index.rows("DELETE FROM streams WHERE name = ?", stream.name)
            return stream

    def change_retention(self, key: StreamKey, version: str, delta_hours: int) -> None:
        """Raises VersionMismatchError, InvalidArgumentError outside 0 to 87,600 hours, ResourceNotFoundError."""

        def edit(stream: Stream) -> Stream:
            _check_version(stream, version)
            hours = stream.retention_hours + delta_hours
            _check_hours(hours)
            return replace(stream, retention_hours=hours, version=_version())

        self._change(key, edit)

    def update(self, key: StreamKey, version: str, **fields: Any) -> None:
        """Replaces fields of the stream. Raises VersionMismatchError, ResourceNotFoundError."""

        def edit(stream: Stream) -> Stream:
            _check_version(stream, version)
            return replace(stream, **fields, version=_version())

        self._change(key, edit)

    def tag(self, key: StreamKey, tags: dict[str, str]) -> None:
        """Raises TagsPerResourceExceededError beyond 50, ResourceNotFoundError."""

        def edit(stream: Stream) -> Stream:
            merged = stream.tags | tags
            if len(merged) > _MAXIMUM_TAGS:
                raise TagsPerResourceExceededError(f"A stream has at most {_MAXIMUM_TAGS} tags.")
            return replace(stream, tags=merged)

        self._change(key, edit)

    def untag(self, key: StreamKey, tag_keys: list[str]) -> None:
        """Ignores keys that the stream does not have. Raises ResourceNotFoundError."""
        self._change(key, lambda one: replace(one, tags={k: v for k, v in one.tags.items() if k not in tag_keys}))

    def configure_images(self, key: StreamKey, configuration: dict[str, Any] | None) -> None:
        """None deletes. Raises NoDataRetentionError at retention 0, ResourceNotFoundError."""
        self._change(key, lambda stream: replace(_retaining(stream), image_generation=configuration))

    def configure_notifications(self, key: StreamKey, configuration: dict[str, Any] | None) -> None:
        """None deletes. Raises NoDataRetentionError at retention 0, ResourceNotFoundError."""
        self._change(key, lambda stream: replace(_retaining(stream), notification=configuration))

    def _change(self, key: StreamKey, edit: Callable[[Stream], Stream]) -> None:
        with self._index.lock:
            self._save(edit(self.get(key)))

    def _find(self, name: str) -> Stream | None:
        row = self._index.row("SELECT document FROM streams WHERE name = ?", name)
        return Stream(**json.loads(row[0])) if row else None

    def _save(self, stream: Stream) -> None:
        document = json.dumps(asdict(stream))
        self._index.rows("INSERT OR REPLACE INTO streams VALUES (?, ?)", stream.name, document)


def _check_version(stream: Stream, version: str | None) -> None:
    if version is not None and version != stream.version:
        raise VersionMismatchError(f"The current version of {stream.name} is not {version}.")


def _retaining(stream: Stream) -> Stream:
    if stream.retention_hours == 0:
        raise NoDataRetentionError(f"{stream.name} has no data retention: DataRetentionInHours is 0.")
    return stream


def _check_hours(hours: int) -> None:
    if not 0 <= hours <= _MAXIMUM_RETENTION_HOURS:
        raise InvalidArgumentError(
            f"The retention would be {hours} hours; it must be from 0 to {_MAXIMUM_RETENTION_HOURS}."
        )
