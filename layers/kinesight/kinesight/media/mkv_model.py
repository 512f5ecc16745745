"""What a Matroska body is made of: errors, tracks, tags, and the events of a parser.

Every event carries `raw`, the element's exact bytes, its own header included.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple


class MkvError(Exception):
    """Base: the body can't be read (further). `offset` is the place in it, in bytes."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (byte {offset})")
        self.offset = offset


class InvalidMkvError(MkvError):
    """These bytes are no Matroska."""


class TruncatedMkvError(MkvError):
    """The body ended inside an element."""


class ElementTooLargeError(MkvError):
    """An element declares a size beyond the reader's limit."""


@dataclass(frozen=True, slots=True)
class Track:
    """A TrackEntry. Sizes are pixels; what does not apply to the kind is 0."""

    number: int
    kind: Literal["video", "audio", "other"]
    codec_id: str
    codec_private: bytes = b""
    name: str = ""
    width: int = 0
    height: int = 0
    sampling_hz: float = 0.0
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Tag:
    """A SimpleTag."""

    name: str
    value: str


class HeaderEvent(NamedTuple):
    """An EBML header: a new document begins."""

    raw: bytes


class SegmentEvent(NamedTuple):
    """A Segment begins; `raw` is its id and size alone."""

    raw: bytes


class InfoEvent(NamedTuple):
    """The segment's Info; one unit of a timecode is `timecode_scale_ns` nanoseconds."""

    raw: bytes
    timecode_scale_ns: int


class TracksEvent(NamedTuple):
    """The segment's Tracks."""

    raw: bytes
    tracks: tuple[Track, ...]


class TagsEvent(NamedTuple):
    """A Tags element, its SimpleTags flattened in order."""

    raw: bytes
    tags: tuple[Tag, ...]


class ClusterEvent(NamedTuple):
    """A Cluster begins; `raw` is its id and size alone."""

    raw: bytes


class ClusterTimecodeEvent(NamedTuple):
    """The open cluster's timecode, in timecode-scale units."""

    raw: bytes
    timecode: int


class BlockEvent(NamedTuple):
    """A SimpleBlock or BlockGroup. `timecode` is absolute, in timecode-scale units; laced blocks hold several frames.
    `spans` are their places in `raw`, which may lie in the chunk it came in: most frames are never looked at, and need
    not be copied."""

    raw: bytes | memoryview
    track_number: int
    timecode: int
    keyframe: bool
    spans: tuple[slice, ...]
    duration: int | None

    @property
    def frames(self) -> tuple[bytes, ...]:
        """The frames' bytes, cut out when they are asked for."""
        return tuple(bytes(self.raw[span]) for span in self.spans)


class ClusterEndEvent(NamedTuple):
    """The open cluster is complete; told as soon as it is known."""


class OtherEvent(NamedTuple):
    """Anything else, whole: SeekHead, Void, Cues, PrevSize …"""

    raw: bytes
    element_id: int
    depth: Literal["document", "segment", "cluster"]


ElementEvent = (
    HeaderEvent
    | SegmentEvent
    | InfoEvent
    | TracksEvent
    | TagsEvent
    | ClusterEvent
    | ClusterTimecodeEvent
    | BlockEvent
    | OtherEvent
)
"""All that stand for bytes, their `raw`."""

Event = ElementEvent | ClusterEndEvent
