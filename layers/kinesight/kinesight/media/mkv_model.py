"""Model of a Matroska body: errors, tracks, tags, and the events of the parser.

Every event has `raw`, the exact bytes of the element including its header.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple


class MkvError(Exception):
    """Base of the parser's errors; `offset` is the position in the body in bytes."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (byte {offset})")
        self.offset = offset


class InvalidMkvError(MkvError):
    """Raised for bytes that are not valid Matroska."""


class TruncatedMkvError(MkvError):
    """Raised if the body ends inside an element."""


class ElementTooLargeError(MkvError):
    """Raised if an element declares a size beyond the limit."""


@dataclass(frozen=True, slots=True)
class Track:
    """A TrackEntry. Sizes are in pixels; fields that do not apply to the kind are 0. `pixel_aspect` is the width of a
    pixel by its height, 1 if the track does not declare a display size."""

    number: int
    kind: Literal["video", "audio", "other"]
    codec_id: str
    codec_private: bytes = b""
    name: str = ""
    width: int = 0
    height: int = 0
    sampling_hz: float = 0.0
    channels: int = 0
    pixel_aspect: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Tag:
    """A SimpleTag."""

    name: str
    value: str


class HeaderEvent(NamedTuple):
    """An EBML header, which starts a document."""

    raw: bytes


class SegmentEvent(NamedTuple):
    """Start of a Segment; `raw` is its id and size only."""

    raw: bytes


class InfoEvent(NamedTuple):
    """Info of the segment; timecodes are in units of `timecode_scale_ns` nanoseconds."""

    raw: bytes
    timecode_scale_ns: int


class TracksEvent(NamedTuple):
    """Tracks of the segment."""

    raw: bytes
    tracks: tuple[Track, ...]


class TagsEvent(NamedTuple):
    """A Tags element; its SimpleTags are flattened in order."""

    raw: bytes
    tags: tuple[Tag, ...]


class ClusterEvent(NamedTuple):
    """Start of a Cluster; `raw` is its id and size only."""

    raw: bytes


class ClusterTimecodeEvent(NamedTuple):
    """Timecode of the open cluster, in timecode-scale units."""

    raw: bytes
    timecode: int


class BlockEvent(NamedTuple):
    """A SimpleBlock or BlockGroup. `timecode` is absolute, in timecode-scale units; laced blocks have several frames.
    `spans` are the positions of the frames in `raw`, which may be a view of its chunk, so that frames that are not read
    are not copied."""

    raw: bytes | memoryview
    track_number: int
    timecode: int
    keyframe: bool
    spans: tuple[slice, ...]
    duration: int | None

    @property
    def frames(self) -> tuple[bytes, ...]:
        """The bytes of the frames, copied on each access."""
        return tuple(bytes(self.raw[span]) for span in self.spans)


class ClusterEndEvent(NamedTuple):
    """End of the open cluster, emitted as soon as it is known."""


class OtherEvent(NamedTuple):
    """Any other element: SeekHead, Void, Cues, PrevSize …"""

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
"""Events that have `raw` bytes."""

Event = ElementEvent | ClusterEndEvent
