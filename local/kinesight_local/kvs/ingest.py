"""PutMedia without any I/O: bytes in, acknowledgements and finished fragments out.

A fragment is one Cluster with the Tags that follow it. It is finished by the next Cluster, by the SDK's
END_OF_FRAGMENT tag, by a new EBML header, or by the end of the body.
Not here: the least fragment duration (its error id is unknown) and the limits on calls and connections.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from kinesight.media.mkv import (
    BlockEvent,
    ClusterEndEvent,
    ClusterEvent,
    ClusterTimecodeEvent,
    Event,
    HeaderEvent,
    InfoEvent,
    MkvError,
    MkvParser,
    OtherEvent,
    SegmentEvent,
    Tag,
    TagsEvent,
    Track,
    TracksEvent,
)
from kinesight.media.mkv_write import segment_start

IMAGE_GENERATION = "AWS_KINESISVIDEO_IMAGE_GENERATION"
IMAGE_PREFIX = "AWS_KINESISVIDEO_IMAGE_PREFIX"
NOTIFICATION = "AWS_KINESISVIDEO_NOTIFICATION"
END_OF_FRAGMENT = "AWS_KINESISVIDEO_END_OF_FRAGMENT"
_EVENT_TAGS = frozenset({IMAGE_GENERATION, IMAGE_PREFIX, NOTIFICATION, END_OF_FRAGMENT})

MAX_FRAGMENT_BYTES = 50 * 1024 * 1024
MAX_FRAGMENT_MS = 20_000
_MAX_TAGS = 10
_MAX_NAME_BYTES = 128
_MAX_VALUE_BYTES = 256


@dataclass(frozen=True, slots=True)
class Buffering:
    """The first bytes of a fragment are here; `timecode` as the producer sent it."""

    timecode: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """An ERROR acknowledgement; the connection ends with it."""

    timecode: int
    error_id: int
    code: str


@dataclass(frozen=True, slots=True)
class Block:
    """One frame; `offset_ms` counts from the cluster's timecode."""

    track_number: int
    offset_ms: Fraction
    keyframe: bool
    data: bytes


@dataclass(slots=True)
class IngestedFragment:
    """One whole fragment. `header`, `cluster` and `trailer` (its Tags) are bytes to be served again."""

    timecode: int
    timecode_ms: Fraction
    header: bytes
    tracks: tuple[Track, ...]
    pieces: list[bytes] = field(default_factory=list)
    trailer: list[bytes] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def cluster(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def length_ms(self) -> int:
        """From the first frame to the end of the last, which lasts as long as its neighbours on average."""
        times = sorted(block.offset_ms for block in self.blocks if block.track_number == self._main_track())
        if len(times) < 2:
            return 0
        return round((times[-1] - times[0]) * Fraction(len(times), len(times) - 1))

    def _main_track(self) -> int:
        return min((block.track_number for block in self.blocks), default=0)

    def has(self, tag_name: str) -> bool:
        return any(tag.name == tag_name for tag in self.tags)

    def value(self, tag_name: str) -> str:
        return next((tag.value for tag in self.tags if tag.name == tag_name), "")

    def custom_tags(self) -> dict[str, str]:
        return {tag.name: tag.value for tag in self.tags if tag.name not in _EVENT_TAGS}


Outcome = Buffering | Rejected | IngestedFragment


class _RefusalError(Exception):
    def __init__(self, error_id: int, code: str) -> None:
        super().__init__(code)
        self.error_id = error_id
        self.code = code


class Ingest:
    """One connection's body."""

    def __init__(self) -> None:
        self._parser = MkvParser(max_element_bytes=MAX_FRAGMENT_BYTES)
        self._header: list[bytes] = []
        self._header_tags: list[bytes] = []
        self._tracks: tuple[Track, ...] = ()
        self._timecode_scale_ns = 1_000_000
        self._current: IngestedFragment | None = None
        self._pending_cluster = b""
        self._latest_ms = Fraction(-1)

    def feed(self, data: bytes) -> list[Outcome]:
        """What these bytes complete. After a Rejected nothing more is to be fed."""
        outcomes: list[Outcome] = []
        try:
            for event in self._parser.feed(data):
                self._take(event, outcomes)
        except MkvError:
            outcomes.append(self._rejected(4006, "INVALID_MKV_DATA"))
        except _RefusalError as refusal:
            outcomes.append(self._rejected(refusal.error_id, refusal.code))
        return outcomes

    def close(self) -> list[Outcome]:
        """The body ended as it should; the last fragment is whole unless it was cut."""
        outcomes: list[Outcome] = []
        try:
            for event in self._parser.close():
                self._take(event, outcomes)
            self._finish(outcomes)
        except MkvError:
            outcomes.append(self._rejected(4000, "STREAM_READ_ERROR"))
        except _RefusalError as refusal:
            outcomes.append(self._rejected(refusal.error_id, refusal.code))
        return outcomes

    def _rejected(self, error_id: int, code: str) -> Rejected:
        timecode = self._current.timecode if self._current is not None else 0
        self._current = None
        return Rejected(timecode, error_id, code)

    def _take(self, event: Event, outcomes: list[Outcome]) -> None:
        match event:
            case HeaderEvent():
                self._finish(outcomes)
                self._header, self._header_tags, self._tracks = [event.raw], [], ()
            case SegmentEvent():
                self._header.append(segment_start())  # what is served again holds one Cluster, its size is not known
            case InfoEvent():
                self._timecode_scale_ns = event.timecode_scale_ns
                self._header.append(event.raw)
            case TracksEvent():
                self._take_tracks(event)
            case TagsEvent():
                self._take_tags(event, outcomes)
            case ClusterEvent():
                self._finish(outcomes)
                self._pending_cluster = event.raw
            case _:
                self._take_inside(event, outcomes)

    def _take_tracks(self, event: TracksEvent) -> None:
        if self._tracks:
            raise _RefusalError(4006, "INVALID_MKV_DATA")  # exactly one Tracks per Segment (API_dataplane_PutMedia)
        self._tracks = event.tracks
        self._header.append(event.raw)

    def _take_inside(self, event: Event, outcomes: list[Outcome]) -> None:
        match event:
            case ClusterTimecodeEvent():
                self._begin(event, outcomes)
            case BlockEvent() if self._current is not None:
                self._take_block(self._current, event)
            case OtherEvent(depth="cluster") if self._current is not None:
                self._append(self._current, event.raw)
            case OtherEvent(depth="cluster"):
                self._pending_cluster += event.raw
            case OtherEvent(depth="segment") if self._current is None and not self._pending_cluster:
                self._header.append(event.raw)
            case BlockEvent():
                raise _RefusalError(4006, "INVALID_MKV_DATA")  # a frame before its cluster's timecode
            case ClusterEndEvent() | OtherEvent() | _:
                pass

    def _begin(self, event: ClusterTimecodeEvent, outcomes: list[Outcome]) -> None:
        if not self._tracks:
            raise _RefusalError(4006, "INVALID_MKV_DATA")
        timecode_ms = Fraction(event.timecode * self._timecode_scale_ns, 1_000_000)
        header = b"".join([*self._header, *self._header_tags])
        self._header_tags = []  # told once, with the first fragment
        self._current = IngestedFragment(event.timecode, timecode_ms, header, self._tracks)
        self._append(self._current, self._pending_cluster + event.raw)
        self._pending_cluster = b""
        if timecode_ms <= self._latest_ms:
            raise _RefusalError(4004, "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS")
        outcomes.append(Buffering(event.timecode))

    def _take_block(self, fragment: IngestedFragment, event: BlockEvent) -> None:
        if all(track.number != event.track_number for track in fragment.tracks):
            raise _RefusalError(4010, "TRACK_NUMBER_MISMATCH")
        self._append(fragment, event.raw)
        offset_ms = Fraction(event.timecode * self._timecode_scale_ns, 1_000_000) - fragment.timecode_ms
        if offset_ms > MAX_FRAGMENT_MS:
            raise _RefusalError(4002, "MAX_FRAGMENT_DURATION_REACHED")
        fragment.blocks += [Block(event.track_number, offset_ms, event.keyframe, data) for data in event.frames]
        self._latest_ms = max(self._latest_ms, fragment.timecode_ms + offset_ms)

    def _append(self, fragment: IngestedFragment, raw: bytes) -> None:
        fragment.pieces.append(raw)
        fragment.size_bytes += len(raw)
        if fragment.size_bytes > MAX_FRAGMENT_BYTES:
            raise _RefusalError(4001, "MAX_FRAGMENT_SIZE_REACHED")

    def _take_tags(self, event: TagsEvent, outcomes: list[Outcome]) -> None:
        _check_tags(event.tags)
        if self._current is None:
            if self._latest_ms < 0:  # before the first Cluster; later, they belong to a fragment that is finished
                self._header_tags.append(event.raw)
            return
        if any(tag.name == END_OF_FRAGMENT for tag in event.tags):
            self._finish(outcomes)
            return
        self._current.trailer.append(event.raw)
        self._current.tags += event.tags
        if len(self._current.tags) > _MAX_TAGS:
            raise _RefusalError(4009, "FRAGMENT_METADATA_LIMIT_REACHED")

    def _finish(self, outcomes: list[Outcome]) -> None:
        fragment = self._current
        if fragment is None:
            return
        seen = {block.track_number for block in fragment.blocks}
        if any(track.number not in seen for track in fragment.tracks):
            raise _RefusalError(4011, "FRAMES_MISSING_FOR_TRACK")
        self._current = None
        outcomes.append(fragment)


def _check_tags(tags: tuple[Tag, ...]) -> None:
    for tag in tags:
        reserved = tag.name.startswith("AWS") and tag.name not in _EVENT_TAGS
        too_long = len(tag.name.encode()) > _MAX_NAME_BYTES or len(tag.value.encode()) > _MAX_VALUE_BYTES
        if reserved or too_long:
            raise _RefusalError(4012, "INVALID_FRAGMENT_METADATA")
