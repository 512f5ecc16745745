"""The PutMedia state machine without I/O: bytes in, acknowledgements and complete fragments out.

A fragment is one Cluster with the Tags that follow it. It ends with the next Cluster, the SDK's END_OF_FRAGMENT tag, a
new EBML header, or the end of the body. Tags outside fragments are validated and dropped, because the cluster before
them is already acknowledged.
Not supported: the minimum fragment duration, whose error id is unknown.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from kinesight.media.mkv import (
    BlockEvent,
    ClusterEndEvent,
    ClusterEvent,
    ClusterTimecodeEvent,
    ElementTooLargeError,
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
    TruncatedMkvError,
)
from kinesight.media.mkv_write import segment_start

from kinesight_local.kvs.media.fragment import END_OF_FRAGMENT, EVENT_TAGS, Block, IngestedFragment
from kinesight_local.kvs.validation import LATEST_EPOCH_S

MAX_FRAGMENT_BYTES = 50 * 1024 * 1024
MAX_FRAGMENT_MS = 20_000
_MAX_TRACKS = 3
_MAX_TAGS = 10
_MAX_NAME_BYTES = 128
_MAX_VALUE_BYTES = 256


@dataclass(frozen=True, slots=True)
class Buffering:
    """The first bytes of a fragment have arrived. `timecode` is the producer's."""

    timecode: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """An ERROR acknowledgement, which ends the connection. `timecode` is None outside fragments."""

    timecode: int | None
    error_id: int
    code: str


Outcome = Buffering | Rejected | IngestedFragment


class _RejectedError(Exception):
    """`timecode`: of a fragment that is rejected before BUFFERING."""

    def __init__(self, error_id: int, code: str, timecode: int | None = None) -> None:
        super().__init__(code)
        self.error_id = error_id
        self.code = code
        self.timecode = timecode


def _invalid() -> _RejectedError:
    return _RejectedError(4006, "INVALID_MKV_DATA")


class Ingest:
    """The body of one connection. Must not be fed after a Rejected."""

    def __init__(self, epoch_ms: Fraction = Fraction(0)) -> None:
        """`epoch_ms`: the start of the timecodes, in epoch milliseconds; 0 for absolute timecodes."""
        self._epoch_ms = epoch_ms
        self._parser = MkvParser(max_element_bytes=MAX_FRAGMENT_BYTES)
        self._timecode_scale_ns = 1_000_000
        self._latest_ms: Fraction | None = None
        self._current: IngestedFragment | None = None
        self._begin_document()

    def _begin_document(self) -> None:
        self._header: list[bytes] = []
        self._header_tags: list[bytes] = []
        self._tracks: tuple[Track, ...] = ()
        self._has_clusters = False
        self._pending_cluster = b""
        """The start of a Cluster whose Timecode has not arrived yet."""

    def feed(self, data: bytes) -> list[Outcome]:
        """The outcomes that these bytes complete."""
        outcomes: list[Outcome] = []
        with self._rejections(outcomes):
            self._take_all(self._parser.feed(data), outcomes)
            self._parser.feed(b"")  # the parser raises an error after these events only on the next call
        return outcomes

    def close(self) -> list[Outcome]:
        """The body has ended; completes the last fragment."""
        outcomes: list[Outcome] = []
        with self._rejections(outcomes):
            self._take_all(self._parser.close(), outcomes)
            self._finish(outcomes)
        return outcomes

    @contextmanager
    def _rejections(self, outcomes: list[Outcome]) -> Iterator[None]:
        try:
            yield
        except _RejectedError as error:
            outcomes.append(self._rejected(error))
        except ElementTooLargeError:
            outcomes.append(self._rejected(_RejectedError(4001, "MAX_FRAGMENT_SIZE_REACHED")))
        except TruncatedMkvError:
            outcomes.append(self._rejected(_RejectedError(4000, "STREAM_READ_ERROR")))
        except MkvError:
            outcomes.append(self._rejected(_invalid()))

    def _rejected(self, error: _RejectedError) -> Rejected:
        timecode = self._current.timecode if self._current is not None else error.timecode
        self._current = None
        return Rejected(timecode, error.error_id, error.code)

    def _take_all(self, events: Iterable[Event], outcomes: list[Outcome]) -> None:
        for event in events:
            self._take(event, outcomes)

    def _take(self, event: Event, outcomes: list[Outcome]) -> None:
        match event:
            case HeaderEvent():
                self._finish(outcomes)
                self._begin_document()
                self._keep_header(event.raw)
            case SegmentEvent():
                self._keep_header(segment_start())  # consumers get one Cluster per document, so the size is unknown
            case TagsEvent():
                self._take_tags(event, outcomes)
            case ClusterEvent():
                self._finish(outcomes)
                self._has_clusters = True
                self._pending_cluster = event.raw
            case InfoEvent() | TracksEvent() | OtherEvent(depth="segment" | "document"):
                self._take_header_element(event)
            case _:
                self._take_inside(event, outcomes)

    def _take_header_element(self, event: InfoEvent | TracksEvent | OtherEvent) -> None:
        if isinstance(event, TracksEvent):
            if self._tracks or self._has_clusters:
                raise _invalid()  # exactly one Tracks per Segment (API_dataplane_PutMedia)
            if len(event.tracks) > _MAX_TRACKS:
                raise _RejectedError(4005, "MORE_THAN_ALLOWED_TRACKS_FOUND")
            self._tracks = event.tracks
        if self._has_clusters:
            return  # Cues and Voids after the media are not part of a header
        if isinstance(event, InfoEvent):
            self._timecode_scale_ns = event.timecode_scale_ns
        self._keep_header(event.raw)

    def _keep_header(self, raw: bytes) -> None:
        self._header.append(raw)
        if sum(map(len, self._header)) > MAX_FRAGMENT_BYTES:
            raise _RejectedError(4001, "MAX_FRAGMENT_SIZE_REACHED")

    def _take_inside(self, event: Event, outcomes: list[Outcome]) -> None:
        match event:
            case ClusterTimecodeEvent() if self._pending_cluster:
                self._begin(event, outcomes)
            case BlockEvent() if self._current is not None:
                self._take_block(self._current, event)
            case OtherEvent() if self._current is not None:
                self._append(self._current, event.raw)
            case OtherEvent() if self._pending_cluster:
                self._pending_cluster += event.raw
            case ClusterEndEvent() if not self._pending_cluster:
                pass
            case _:  # a second Timecode, or a Cluster without one
                raise _invalid()

    def _begin(self, event: ClusterTimecodeEvent, outcomes: list[Outcome]) -> None:
        if not self._tracks:
            raise _invalid()
        timecode_ms = Fraction(event.timecode * self._timecode_scale_ns, 1_000_000)
        if self._latest_ms is not None and timecode_ms <= self._latest_ms:
            raise _RejectedError(4004, "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS", event.timecode)
        producer_ms = round(self._epoch_ms + timecode_ms)
        if producer_ms > LATEST_EPOCH_S * 1000:
            raise _RejectedError(4007, "INVALID_PRODUCER_TIMESTAMP", event.timecode)
        header = b"".join([*self._header, *self._header_tags])
        self._header_tags = []  # sent once, with the first fragment
        self._current = IngestedFragment(event.timecode, timecode_ms, producer_ms, header, self._tracks)
        self._append(self._current, self._pending_cluster + event.raw)
        self._pending_cluster = b""
        outcomes.append(Buffering(event.timecode))

    def _take_block(self, fragment: IngestedFragment, event: BlockEvent) -> None:
        if all(track.number != event.track_number for track in fragment.tracks):
            raise _RejectedError(4010, "TRACK_NUMBER_MISMATCH")
        self._append(fragment, bytes(event.raw))
        offset_ms = Fraction(event.timecode * self._timecode_scale_ns, 1_000_000) - fragment.timecode_ms
        if offset_ms > MAX_FRAGMENT_MS:
            raise _RejectedError(4002, "MAX_FRAGMENT_DURATION_REACHED")
        fragment.blocks += [Block(event.track_number, offset_ms, event.keyframe, data) for data in event.frames]
        at_ms = fragment.timecode_ms + offset_ms
        self._latest_ms = at_ms if self._latest_ms is None else max(self._latest_ms, at_ms)

    def _append(self, fragment: IngestedFragment, raw: bytes) -> None:
        fragment.pieces.append(raw)
        fragment.size_bytes += len(raw)
        if fragment.size_bytes > MAX_FRAGMENT_BYTES:
            raise _RejectedError(4001, "MAX_FRAGMENT_SIZE_REACHED")

    def _take_tags(self, event: TagsEvent, outcomes: list[Outcome]) -> None:
        _check_tags(event.tags)
        if self._current is not None:
            _attach(self._current, event)
            if any(tag.name == END_OF_FRAGMENT for tag in event.tags):
                self._finish(outcomes)
        elif not self._has_clusters:
            self._header_tags.append(event.raw)

    def _finish(self, outcomes: list[Outcome]) -> None:
        fragment = self._current
        if fragment is None:
            return
        seen = {block.track_number for block in fragment.blocks}
        if any(track.number not in seen for track in fragment.tracks):
            raise _RejectedError(4011, "FRAMES_MISSING_FOR_TRACK")
        self._current = None
        outcomes.append(fragment)


def _attach(fragment: IngestedFragment, event: TagsEvent) -> None:
    """Adds all tags but END_OF_FRAGMENT to the fragment."""
    tags = [tag for tag in event.tags if tag.name != END_OF_FRAGMENT]
    if not tags:
        return
    fragment.tags += tags
    fragment.trailer.append(event.raw)
    if len(fragment.tags) > _MAX_TAGS:
        raise _RejectedError(4009, "FRAGMENT_METADATA_LIMIT_REACHED")


def _check_tags(tags: tuple[Tag, ...]) -> None:
    for tag in tags:
        reserved = tag.name.startswith("AWS_") and tag.name not in EVENT_TAGS
        too_long = len(tag.name.encode()) > _MAX_NAME_BYTES or len(tag.value.encode()) > _MAX_VALUE_BYTES
        if reserved or too_long:
            raise _RejectedError(4012, "INVALID_FRAGMENT_METADATA")
