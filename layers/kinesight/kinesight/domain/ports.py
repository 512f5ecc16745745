"""What the domain needs from the outside world. Each port has a fake with state in tests/fakes.py."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kinesight.domain.errors import KinesightError
from kinesight.domain.model import ImageReference


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An object of the images bucket and the user metadata that KVS gave it (lower-case keys)."""

    image: ImageReference
    metadata: Mapping[str, str]


class ImageStore(Protocol):
    """Reads the pictures that KVS wrote."""

    def describe(self, bucket: str, key: str) -> StoredImage:
        """Raises ImageMissingError if there is no such object, TransientError if S3 can't say now."""

    def read(self, image: ImageReference) -> bytes:
        """The object's bytes. Raises as `describe` does."""


class ObjectStore(Protocol):
    """Objects of any bucket, by their S3 URI."""

    def read(self, uri: str) -> bytes | None:
        """None if there is no such object. Raises StorageBusyError."""

    def write(self, uri: str, body: bytes, content_type: str) -> None:
        """Raises StorageBusyError."""


class Secret(Protocol):
    """A text that must be seen nowhere: not in logs, records, messages or a repr."""

    def value(self) -> str:
        """As it was when it was last read. Raises DetectorBusyError, InvalidSettingError."""

    def renewed(self, stale: str) -> str:
        """As it is now, since `stale` was refused. Raises as `value` does."""


class StreamDirectory(Protocol):
    """Knows the streams of this account and Region."""

    def stream_arn(self, stream_name: str) -> str | None:
        """The stream's ARN, or None if it is gone or can't be described now."""


class ResultSink(Protocol):
    """The results stream."""

    def put(self, records: Sequence[tuple[str, bytes]]) -> Mapping[int, str]:
        """Puts (partition key, data) pairs, in order. Returns index → reason of those that never went through."""


class Ledger(Protocol):
    """Gives a piece of work the effect of once, however often it is delivered."""

    def begin(self, key: str) -> bool:
        """True if the work is to be done now, False if it was done before.

        Raises StillInProgressError while another invocation holds the key, TransientError if the ledger can't say.
        """

    def finish(self, key: str) -> None:
        """Records the work as done. Raises TransientError."""

    def release(self, key: str) -> None:
        """Gives the work back, so that a later attempt does it. Raises TransientError."""


class DeadLetters(Protocol):
    """A dead-letter queue."""

    def send_to_dead_letters(self, body: str, error: KinesightError) -> None:
        """Sends an item with the reason. Raises DeliveryError."""


class EvidenceStore(Protocol):
    """The evidence bucket. Keys are deterministic, so writing twice is writing once."""

    def exists(self, key: str) -> bool:
        """Whether the object is there. Raises TransientError if the store can't say now."""

    def write_once(self, key: str, body: bytes, content_type: str) -> bool:
        """Writes the object unless it exists; True if this call wrote it. Raises DeliveryError."""

    def link(self, key: str) -> str:
        """A link that lets a person open the object for a limited time."""


@dataclass(frozen=True, slots=True)
class FragmentMedia:
    """One fragment as KVS gave it: a complete Matroska document."""

    fragment_number: str
    matroska: bytes


@dataclass(frozen=True, slots=True)
class FragmentUnavailable:
    """Why KVS did not give a fragment (expired, key revoked …): for good, as far as this fragment goes."""

    fragment_number: str
    reason: str


class FragmentArchive(Protocol):
    """The stored media of a stream."""

    def fetch(self, stream_name: str, fragment_numbers: Sequence[str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        """Every asked fragment once, in no order. Raises MediaBusyError to try again later."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the planner must know of a stream."""

    name: str
    arn: str
    retention_hours: int


class StreamCatalog(Protocol):
    """Describes streams."""

    def describe(self, name_or_arn: str) -> StreamFacts:
        """Raises StreamGoneError, StreamRefusedError, ThrottledError."""


LONGEST_FRAGMENT_MS = 20_000
"""A fragment may last no longer ("Service quotas": 20 s)."""


@dataclass(frozen=True, slots=True)
class FragmentSpan:
    """A stored fragment: where it starts by the chosen clock, and how long it lasts."""

    number: str
    start_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment to have a picture of, and the fragment that shows it."""

    at_ms: int
    fragment_number: str


@dataclass(frozen=True, slots=True)
class SlotRun:
    """The slots of one fragment: `count` of them from `first_ms` on, a request's interval apart."""

    fragment_number: str
    first_ms: int
    count: int


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One GetImages request. Slots that it answers beside its own are nobody's, or another request's."""

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
    """Knows which fragments are stored."""

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        """Those that start in the range, both ends included, in no order. Raises MediaBusyError, StreamGoneError."""


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """How pictures are to be made: JPEG or PNG, and their size in pixels, or None for the source's."""

    selector: str
    format: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class SlotImage:
    """What came for one moment: a picture, or why there is none (NO_MEDIA, MEDIA_ERROR …)."""

    at_ms: int
    data: bytes | None
    reason: str = ""


class ImageArchive(Protocol):
    """Makes pictures of stored media."""

    def images(self, stream_name: str, request: ImageRequest, wish: ImageSpec) -> Iterator[SlotImage]:
        """One entry per moment of the request's own grid. Raises MediaBusyError, StreamGoneError, NoRetentionError."""


class WorkStore(Protocol):
    """Where a workflow keeps what is too large for its state. Keys are deterministic: writing twice is writing once."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """Raises StorageBusyError."""

    def read(self, key: str) -> bytes | None:
        """None if there is no such object. Raises StorageBusyError."""


@dataclass(frozen=True, slots=True)
class Versioned:
    """A document as it was read; version 0 and no body where there is none yet."""

    version: int
    body: str | None


class VersionedDocuments(Protocol):
    """Small documents of one kind, by key, that many may change: who saves must have seen the last version."""

    def load(self, key: str) -> Versioned:
        """The newest. Raises StorageBusyError."""

    def all(self) -> Mapping[str, Versioned]:
        """Every document of the kind. Raises StorageBusyError."""

    def save(self, key: str, body: str, seen_version: int) -> bool:
        """False, and nothing saved, if the document is not of `seen_version` any more. Raises StorageBusyError."""


class DelayedMessages(Protocol):
    """Messages to ourselves, by a queue that one of our functions reads."""

    def send_later(self, body: str, delay_s: int) -> None:
        """Brings the body there after the delay. Raises DeliveryError."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person is told: one line, a text, and the record for machines."""

    subject: str
    text: str
    body: Mapping[str, Any]
    attributes: Mapping[str, str]


class AlertChannel(Protocol):
    """Tells people."""

    def send(self, alert: Alert) -> None:
        """Raises DeliveryError, ChannelRefusedError."""


class SecretText(Protocol):
    """A secret, kept by somebody else."""

    def read(self, *, fresh: bool = False) -> str:
        """What it is, or was some minutes ago; with `fresh`, what it is now. Raises DeliveryError."""
