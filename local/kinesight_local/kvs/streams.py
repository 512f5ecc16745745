"""Streams and their configurations: rules, kept in the index. No HTTP here."""

import json
import secrets
import sqlite3
import string
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from threading import RLock
from typing import Any

from kinesight_local.kvs.exceptions import (
    InvalidArgumentError,
    NoDataRetentionError,
    ResourceInUseError,
    ResourceNotFoundError,
    TagsPerResourceExceededError,
    VersionMismatchError,
)

_MAXIMUM_TAGS = 50
_MAXIMUM_RETENTION_HOURS = 87_600


def _version() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(20))


@dataclass(frozen=True, slots=True)
class Stream:
    """A video stream. It is ACTIVE at once: the producer SDKs poll a CREATING one in a tight loop."""

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


class StreamRegistry:
    """Streams by name or ARN, in the table `streams`."""

    def __init__(self, index: sqlite3.Connection, lock: RLock, *, owner: str, now_ms: Callable[[], int]) -> None:
        """`owner`: the ARN up to and including the account number."""
        self._index = index
        self._lock = lock
        self._owner = owner
        self._now_ms = now_ms
        with lock:
            index.execute("CREATE TABLE IF NOT EXISTS streams (name TEXT PRIMARY KEY, document TEXT NOT NULL)")

    def create(self, name: str, **fields: Any) -> Stream:
        """Raises ResourceInUseError if the name is taken."""
        with self._lock:
            if self._find(name) is not None:
                raise ResourceInUseError(f"The stream {name} already exists.")
            created_ms = self._now_ms()
            stream = Stream(name, f"{self._owner}:stream/{name}/{created_ms}", created_ms, **fields)
            self._save(stream)
            return stream

    def get(self, *, name: str | None = None, arn: str | None = None) -> Stream:
        """Raises InvalidArgumentError without either, ResourceNotFoundError if there is no such stream."""
        if not name and not arn:
            raise InvalidArgumentError("Either StreamName or StreamARN is required.")
        wanted = name or str(arn).rpartition(":stream/")[2].partition("/")[0]
        stream = self._find(wanted)
        if stream is None or (arn and arn != stream.arn):
            raise ResourceNotFoundError(f"The requested stream {arn or name} is not found or not active.")
        return stream

    def names(self, begins_with: str = "") -> list[str]:
        """Sorted."""
        with self._lock:
            rows = self._index.execute("SELECT name FROM streams ORDER BY name").fetchall()
        return [name for (name,) in rows if name.startswith(begins_with)]

    def delete(self, stream: Stream, version: str | None) -> None:
        """Raises VersionMismatchError."""
        _check_version(stream, version)
        with self._lock:
            self._index.execute("DELETE FROM streams WHERE name = ?", (stream.name,))

    def change_retention(self, stream: Stream, version: str, delta_hours: int) -> None:
        """Raises VersionMismatchError, InvalidArgumentError outside 0 to 87,600 hours."""
        _check_version(stream, version)
        hours = stream.retention_hours + delta_hours
        if not 0 <= hours <= _MAXIMUM_RETENTION_HOURS:
            raise InvalidArgumentError(
                f"The retention would be {hours} hours; 0 to {_MAXIMUM_RETENTION_HOURS} are possible."
            )
        self._save(replace(stream, retention_hours=hours, version=_version()))

    def tag(self, stream: Stream, tags: dict[str, str]) -> None:
        """Raises TagsPerResourceExceededError beyond 50."""
        merged = stream.tags | tags
        if len(merged) > _MAXIMUM_TAGS:
            raise TagsPerResourceExceededError(f"A stream has at most {_MAXIMUM_TAGS} tags.")
        self._save(replace(stream, tags=merged))

    def untag(self, stream: Stream, keys: list[str]) -> None:
        """Keys that are not there don't matter."""
        self._save(replace(stream, tags={k: v for k, v in stream.tags.items() if k not in keys}))

    def configure_images(self, stream: Stream, configuration: dict[str, Any] | None) -> None:
        """None deletes. Raises NoDataRetentionError at retention 0."""
        _check_retention(stream)
        self._save(replace(stream, image_generation=configuration))

    def configure_notifications(self, stream: Stream, configuration: dict[str, Any] | None) -> None:
        """None deletes. Raises NoDataRetentionError at retention 0."""
        _check_retention(stream)
        self._save(replace(stream, notification=configuration))

    def _find(self, name: str) -> Stream | None:
        with self._lock:
            row = self._index.execute("SELECT document FROM streams WHERE name = ?", (name,)).fetchone()
        return Stream(**json.loads(row[0])) if row else None

    def _save(self, stream: Stream) -> None:
        with self._lock:
            self._index.execute(
                "INSERT OR REPLACE INTO streams VALUES (?, ?)", (stream.name, json.dumps(asdict(stream)))
            )


def _check_version(stream: Stream, version: str | None) -> None:
    if version is not None and version != stream.version:
        raise VersionMismatchError(f"{stream.name} has another version than {version}.")


def _check_retention(stream: Stream) -> None:
    if stream.retention_hours == 0:
        raise NoDataRetentionError(f"{stream.name} has no data retention: DataRetentionInHours is 0.")
