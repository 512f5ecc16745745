"""Ports: what the domain needs from AWS and from media libraries. Each port has a stateful fake in tests/fakes*.py."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kinesight.domain.errors import KinesightError
from kinesight.domain.model import ImageReference


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An object of the images bucket and the user metadata that KVS set (keys in lower case)."""

    image: ImageReference
    metadata: Mapping[str, str]


LARGEST_IMAGE_BYTES = 25 * 1024 * 1024
"""Largest object that is read as an image. The largest image of KVS, 3840 x 2160 pixels, has 24.9 MB even without
compression."""


class ImageStore(Protocol):
    """Reads the images that KVS wrote."""

    def describe(self, bucket: str, key: str) -> StoredImage:
        """Returns the object without its body. Raises ImageMissingError if it does not exist, StorageBusyError."""

    def read(self, image: ImageReference) -> bytes:
        """Returns the object's bytes. Raises as `describe` does, and UnsupportedImageError beyond LARGEST_IMAGE_BYTES,
        without reading them."""


class ObjectStore(Protocol):
    """Objects of any bucket, addressed by S3 URI."""

    def read(self, uri: str) -> bytes | None:
        """Returns None if there is no such object. Raises StorageBusyError."""

    def write(self, uri: str, body: bytes, content_type: str) -> None:
        """Raises StorageBusyError."""


class Secret(Protocol):
    """A text that must not appear in logs, records, messages or a repr."""

    def value(self) -> str:
        """Returns the cached text. Raises the errors that the port's user declares, such as DeliveryError."""

    def renewed(self, stale: str) -> str:
        """Returns the current text, after `stale` was refused. Raises as `value` does."""


@dataclass(frozen=True, slots=True)
class VideoStream:
    """A stream as ListStreams and DescribeStream return it. Updates of the stream must name its `version`."""

    name: str
    arn: str
    status: str
    retention_hours: int
    version: str = ""

    @property
    def active(self) -> bool:
        """Whether the stream accepts media and settings."""
        return self.status == "ACTIVE"

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]


class StreamDirectory(Protocol):
    """Streams of this account and Region."""

    def streams(self) -> Iterator[VideoStream]:
        """Lists all streams. Raises ThrottledError, StreamRefusedError."""

    def describe(self, name_or_arn: str) -> VideoStream:
        """Describes one stream. Raises StreamGoneError, StreamRefusedError, ThrottledError."""

    def tags(self, stream_arn: str) -> Mapping[str, str]:
        """Returns the stream's tags. Raises as `describe` does."""


class ResultSink(Protocol):
    """The results stream."""

    def put(self, records: Sequence[tuple[str, bytes]]) -> Mapping[int, str]:
        """Puts (partition key, data) pairs in order. Returns index → reason of the records that failed."""


class Ledger(Protocol):
    """Makes processing idempotent: records which work is in progress or done, by key."""

    def begin(self, key: str) -> bool:
        """Returns True if the caller must do the work, False if it is done already.

        Raises StillInProgressError while another invocation holds the key, StorageBusyError.
        """

    def finish(self, key: str) -> None:
        """Records the work as done. Raises StorageBusyError."""

    def release(self, key: str) -> None:
        """Releases the key, so that a later attempt does the work. Raises StorageBusyError."""


class DeadLetters(Protocol):
    """A dead-letter queue."""

    def send_to_dead_letters(self, body: str, error: KinesightError) -> None:
        """Sends an item with the reason. Raises DeliveryError."""


class RedeliveryDelays(Protocol):
    """A queue whose messages are being processed."""

    def delay(self, seconds: Mapping[str, int]) -> None:
        """Sets when messages are delivered again, by receipt handle. Raises DeliveryError."""


class EvidenceStore(Protocol):
    """The evidence bucket. Keys are deterministic, so repeated writes are idempotent."""

    def exists(self, key: str) -> bool:
        """Returns whether the object exists. Raises StorageBusyError."""

    def write_once(self, key: str, body: bytes, content_type: str) -> bool:
        """Writes the object unless it exists. Returns True if this call wrote it. Raises DeliveryError."""

    def link(self, key: str) -> str:
        """Returns a URL that opens the object for a limited time."""


@dataclass(frozen=True, slots=True)
class FragmentMedia:
    """One fragment as KVS returns it: a complete Matroska document."""

    fragment_number: str
    matroska: bytes


@dataclass(frozen=True, slots=True)
class FragmentUnavailable:
    """A fragment that KVS does not return, and why (expired, key revoked …). The failure is permanent."""

    fragment_number: str
    reason: str


class FragmentArchive(Protocol):
    """The stored media of a stream."""

    def fetch(self, stream_name: str, fragment_numbers: Sequence[str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        """Yields every requested fragment once, in any order. Raises MediaBusyError, StreamRefusedError."""


LONGEST_FRAGMENT_MS = 20_000
"""Maximum length of a fragment ("Service quotas": 20 s)."""


@dataclass(frozen=True, slots=True)
class FragmentSpan:
    """A stored fragment: its start by the selected clock, and its length."""

    number: str
    start_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A timestamp that needs an image, and the fragment that contains it."""

    at_ms: int
    fragment_number: str


@dataclass(frozen=True, slots=True)
class SlotRun:
    """The slots of one fragment: `count` slots from `first_ms` on, one request interval apart."""

    fragment_number: str
    first_ms: int
    count: int


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One GetImages request. Ignore slots in its response that are not its own: another request covers them."""

    start_ms: int
    end_ms: int
    interval_ms: int
    runs: tuple[SlotRun, ...]

    @property
    def slots(self) -> list[Slot]:
        return [
            Slot(run.first_ms + index * self.interval_ms, run.fragment_number)
            for run in self.runs
            for index in range(run.count)
        ]


class FragmentIndex(Protocol):
    """Lists stored fragments."""

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        """Yields the fragments that start in the range (ends included), in any order.

        Raises MediaBusyError, StreamGoneError.
        """


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """Clock, format (JPEG or PNG), size and quality of images. The size is in pixels; None keeps the source's. The
    quality is JPEG's, 1 to 100; None takes that of GetImages."""

    selector: str
    format: str
    width: int | None = None
    height: int | None = None
    jpeg_quality: int | None = None


@dataclass(frozen=True, slots=True)
class SlotImage:
    """The image of one slot, or the reason why there is none (NO_MEDIA, MEDIA_ERROR …)."""

    at_ms: int
    data: bytes | None
    reason: str = ""


class ImageArchive(Protocol):
    """Extracts images from stored media."""

    def get_images(self, stream_name: str, request: ImageRequest, spec: ImageSpec) -> Iterator[SlotImage]:
        """Yields one entry per interval of the request. Raises MediaBusyError, StreamGoneError, NoRetentionError."""


class WorkStore(Protocol):
    """Workflow data that exceeds the size of a state. Keys are deterministic, so repeated writes are idempotent."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """Raises StorageBusyError."""

    def read(self, key: str) -> bytes | None:
        """Returns None if there is no such object. Raises StorageBusyError."""


class FileUploads(Protocol):
    """Objects written from files of any size."""

    def upload(self, path: Path, key: str, content_type: str) -> None:
        """Uploads a file. Raises StorageBusyError."""


class FileStore(FileUploads, Protocol):
    """Objects written from and read into files of any size."""

    def download(self, key: str, path: Path) -> None:
        """Downloads an object to a file. Raises StorageBusyError, also if there is no such object."""


@dataclass(frozen=True, slots=True)
class Versioned:
    """A document and its version; version 0 without a body if there is none yet."""

    version: int
    body: str | None


class VersionedDocuments(Protocol):
    """Small documents of one kind, by key, with optimistic locking."""

    def load(self, key: str) -> Versioned:
        """Returns the newest version. Raises StorageBusyError."""

    def all(self) -> Mapping[str, Versioned]:
        """Returns every document of the kind. Raises StorageBusyError."""

    def save(self, key: str, body: str, seen_version: int) -> bool:
        """Saves unless the version is no longer `seen_version`; then returns False. Raises StorageBusyError."""


class DelayedMessages(Protocol):
    """A queue of the application's own functions, with delayed delivery."""

    def send_later(self, body: str, delay_s: int) -> None:
        """Sends a message that is delivered after the delay. Raises DeliveryError."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert: subject line, text for people, JSON body for programs, and attributes for filters.

    The text's first line says it all, for channels that have no room for more. Attributes are not empty.
    """

    subject: str
    text: str
    body: Mapping[str, Any]
    attributes: Mapping[str, str | tuple[str, ...]]


class AlertChannel(Protocol):
    """Sends alerts to people."""

    def send(self, alert: Alert) -> None:
        """Raises DeliveryError, ChannelRefusedError."""
