"""What the domain needs from the outside world. Each port has a fake with state in tests/fakes.py."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from kinesight.domain.errors import KinesightError
from kinesight.domain.model import BoundingBox, Detection, DetectorInfo, Frame, ImageReference
from kinesight.domain.session_videos import SessionRef, SessionVideo
from kinesight.domain.sessions import Session
from kinesight.domain.windows import FragmentSpan, ImageRequest
from kinesight.media.fragments import MediaErrorNotice, MediaFragment
from kinesight.media.selection import Keyframe


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens that a call is billed by."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class DetectorAnswer:
    """What a detector saw in one frame; `raw_output` is its answer as it came, `raw_body` its bytes, if it had any.
    `tokens` where the service counts them."""

    info: DetectorInfo
    detections: tuple[Detection, ...]
    raw_output: Any
    raw_body: bytes = b""
    tokens: TokenUsage | None = None


class Detector(Protocol):
    """Looks at one frame."""

    @property
    def fingerprint(self) -> str:
        """Names the model and operation; part of every result id."""

    def detect(self, frame: Frame) -> DetectorAnswer:
        """Raises PermanentError if this frame can't be analyzed, DetectorBusyError to try again later,
        BudgetReachedError if it is not to be paid for."""


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
    """Keeps what can't be processed, with the reason."""

    def bury(self, body: str, error: KinesightError) -> None:
        """Raises DeliveryError if it could not be kept."""


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


class FragmentIndex(Protocol):
    """Knows which fragments are stored."""

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        """Those that start in the range, both ends included, in no order. Raises MediaBusyError, StreamGoneError."""


@dataclass(frozen=True, slots=True)
class PictureWish:
    """How pictures are to be made: JPEG or PNG, and their size in pixels, or None for the source's."""

    selector: str
    format: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class SlotPicture:
    """What came for one moment: a picture, or why there is none (NO_MEDIA, MEDIA_ERROR …)."""

    at_ms: int
    data: bytes | None
    reason: str = ""


class ImageArchive(Protocol):
    """Makes pictures of stored media."""

    def images(self, stream_name: str, request: ImageRequest, wish: PictureWish) -> Iterator[SlotPicture]:
        """One entry per moment of the request's own grid. Raises MediaBusyError, StreamGoneError, NoRetentionError."""


class PictureMaker(Protocol):
    """Makes pictures of one fragment."""

    def pictures(self, matroska: bytes, moments_ms: Sequence[int], wish: PictureWish) -> Iterator[SlotPicture]:
        """One entry per moment (epoch milliseconds by the wish's clock): what the fragment shows then, or why not."""


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


@dataclass(frozen=True, slots=True)
class LiveStart:
    """Where to begin to read: behind a fragment, or else at the first one that is left from a moment of the server's
    clock on."""

    after_fragment: str | None = None
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """Micro-dollars that a counter has on a day, and whether what was asked for is among them."""

    is_granted: bool
    micro_usd: int


class SpendingCounters(Protocol):
    """Micro-dollars by counter and UTC day (2026-11-21), shared by everybody who spends."""

    def reserve(self, counter: str, day: str, micro_usd: int, most_micro_usd: int) -> Spent:
        """Adds a call and its price, unless the sum would pass the most. Raises StorageBusyError."""

    def correct(self, counter: str, day: str, micro_usd: int, *, calls: int) -> None:
        """Adds, or takes away; at most once. Raises StorageBusyError; then it may have happened."""


class LiveMedia(Protocol):
    """A stream as it is recorded."""

    def read(self, stream_name: str, start: LiveStart) -> Iterator[MediaFragment | MediaErrorNotice]:
        """Fragments in their order, until KVS has had nothing new for three seconds.

        Raises MediaBusyError, EvidenceGoneError if the fragment to begin behind is known no more, StreamGoneError, and
        UnreadableMediaError at a fragment that can't be read, after all before it.
        """


class StillMaker(Protocol):
    """Makes pictures of keyframes; safe for threads."""

    def still(self, keyframe: Keyframe) -> bytes:
        """A JPEG. Raises UnsupportedImageError."""


class ConsumerStarter(Protocol):
    """Starts live consumers."""

    def start(self, slot: str, share: int) -> None:
        """One that takes up to `share` streams, beside this. Raises ThrottledError, WorkflowRefusedError."""


class RunStatus(StrEnum):
    """How an execution stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class AnalysisWorkflow(Protocol):
    """The on-demand workflow."""

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        """False if an execution of that name exists. Raises ThrottledError, WorkflowRefusedError."""

    def status(self, name: str) -> RunStatus | None:
        """None if there is no execution of that name. Raises as `start`."""


class Reminders(Protocol):
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


class CropMaker(Protocol):
    """Cuts parts out of pictures."""

    def crop(self, frame: Frame, box: BoundingBox) -> tuple[Frame, BoundingBox]:
        """The part as a frame of the same moment, and where it was cut: around the box, somewhat larger.

        Raises UnsupportedImageError, ImageMissingError, StorageBusyError.
        """


class SessionStore(Protocol):
    """Keeps what is known of sessions, for people who look them up."""

    def put(self, session: Session) -> None:
        """The newest state; its video stays as it is. Raises StorageBusyError."""


class SessionVideos(Protocol):
    """Keeps what the archive has of sessions, beside what is known of them."""

    def load(self, session: SessionRef) -> SessionVideo | None:
        """None where there is none. Raises StorageBusyError."""

    def save(self, session: SessionRef, video: SessionVideo) -> bool:
        """False, and nothing saved, if the session is gone or has a video of more pictures. Raises StorageBusyError."""


class SessionChannel(Protocol):
    """Tells programs of sessions."""

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        """Raises DeliveryError, ChannelRefusedError."""


class Annotator(Protocol):
    """Draws boxes on a picture."""

    def annotate(self, picture: bytes, detections: Sequence[Detection]) -> bytes:
        """A JPEG with a labelled box for each detection that has one. Raises UnsupportedImageError."""
