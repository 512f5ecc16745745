"""Incremental Matroska: bytes of any chunking in, events out.

Made for KVS bodies: a concatenation of documents, headers repeated per fragment, Segment and Cluster often of unknown
size, Tags between Clusters. Memory is bounded by one element, work is linear in the bytes, no declared size is trusted.
"""

from dataclasses import dataclass
from typing import Literal

from kinesight.media import mkv_ids as ids
from kinesight.media.mkv_elements import (
    Head,
    read_block_group,
    read_head,
    read_plain_blocks,
    read_simple_block,
    read_tags,
    read_timecode_scale_ns,
    read_tracks,
    unsigned,
)
from kinesight.media.mkv_model import (
    BlockEvent,
    ClusterEndEvent,
    ClusterEvent,
    ClusterTimecodeEvent,
    ElementTooLargeError,
    Event,
    HeaderEvent,
    InfoEvent,
    InvalidMkvError,
    MkvError,
    OtherEvent,
    SegmentEvent,
    Tag,
    TagsEvent,
    Track,
    TracksEvent,
    TruncatedMkvError,
)

__all__ = [
    "BlockEvent",
    "ClusterEndEvent",
    "ClusterEvent",
    "ClusterTimecodeEvent",
    "ElementTooLargeError",
    "Event",
    "HeaderEvent",
    "InfoEvent",
    "InvalidMkvError",
    "MkvError",
    "MkvParser",
    "OtherEvent",
    "SegmentEvent",
    "Tag",
    "TagsEvent",
    "Track",
    "TracksEvent",
    "TruncatedMkvError",
]

DEFAULT_MAX_ELEMENT_BYTES = 64 * 1024 * 1024
"""Above the 50 MB that KVS allows a whole fragment."""


@dataclass(slots=True)
class _Open:
    """A container being read: a document, a Segment or a Cluster. `end` is its offset in the body, None if unknown."""

    kind: Literal["document", "segment", "cluster"]
    end: int | None
    started_at: int


class MkvParser:
    """Feed it chunks, close it at the end of the body.

    An error is raised only after every event before it was returned: the call that meets it returns what it has, and
    the next one (`feed` or `close`) raises.
    """

    def __init__(self, *, max_element_bytes: int = DEFAULT_MAX_ELEMENT_BYTES) -> None:
        """`max_element_bytes` bounds every element that must be held whole: all but Segment and Cluster."""
        self._max_element_bytes = max_element_bytes
        self._buffer = bytearray()
        self._needed = 1
        self._open = [_Open("document", None, 0)]
        self._cluster_timecode = 0
        self._last_tracks = TracksEvent(b"", ())
        self._failure: MkvError | None = None
        self.offset = 0
        """Where in the body the next element begins."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete. Raises InvalidMkvError, ElementTooLargeError."""
        if self._failure is not None:
            raise self._failure
        self._buffer += data
        events: list[Event] = []
        try:
            while len(self._buffer) >= self._needed and (self._plain_blocks(events) or self._step(events)):
                pass
        except MkvError as error:
            self._failure = error
            if not events:
                raise
        return events

    def close(self) -> list[Event]:
        """The events that only the end of the body completes. Raises TruncatedMkvError, or what `feed` still owes."""
        if self._failure is not None:
            raise self._failure
        cut = self._buffer or any(container.end is not None for container in self._open)
        if cut:
            self._failure = TruncatedMkvError("the body ends inside an element", self.offset + len(self._buffer))
            raise self._failure
        events: list[Event] = [ClusterEndEvent() for container in self._open if container.kind == "cluster"]
        del self._open[1:]
        return events

    def _plain_blocks(self, events: list[Event]) -> bool:
        """The short way for what a body is mostly made of; False, and nothing is read, if this is something else."""
        inner = self._open[-1]
        if inner.kind != "cluster":
            return False
        end = len(self._buffer) if inner.end is None else min(len(self._buffer), inner.end - self.offset)
        blocks, length = read_plain_blocks(self._buffer, min(end, self._max_element_bytes), self._cluster_timecode)
        if not blocks:
            return False
        del self._buffer[:length]
        self.offset += length
        self._needed = 1
        events += blocks
        self._leave_complete(events)
        return True

    def _step(self, events: list[Event]) -> bool:
        """Reads one element head and what belongs to it; False if more bytes are needed first."""
        head = read_head(self._buffer, 0, self.offset)
        if head is None:
            self._needed = len(self._buffer) + 1
            return False
        self._leave_unknown_sized(head.element_id, events)
        inner = self._open[-1]
        if inner.end is not None and self.offset + head.length + (head.size or 0) > inner.end:
            raise InvalidMkvError("an element passes the end of the one it is in", self.offset)
        if head.element_id in (ids.SEGMENT, ids.CLUSTER):
            self._enter(head, events)
        elif not self._whole(head, events):
            return False
        self._needed = 1
        self._leave_complete(events)
        return True

    def _leave_unknown_sized(self, element_id: int, events: list[Event]) -> None:
        """An element of unknown size ends where one begins that can't be inside it."""
        closes_cluster = element_id in ids.LEVEL_1 or element_id in (ids.EBML, ids.SEGMENT)
        if self._open[-1].kind == "cluster" and self._open[-1].end is None and closes_cluster:
            self._leave(events)
        if self._open[-1].kind == "segment" and self._open[-1].end is None and element_id == ids.EBML:
            self._leave(events)

    def _leave_complete(self, events: list[Event]) -> None:
        while self._open[-1].end == self.offset and len(self._open) > 1:
            self._leave(events)

    def _leave(self, events: list[Event]) -> None:
        if self._open.pop().kind == "cluster":
            events.append(ClusterEndEvent())

    def _enter(self, head: Head, events: list[Event]) -> None:
        kind: Literal["segment", "cluster"] = "segment" if head.element_id == ids.SEGMENT else "cluster"
        parent = "document" if kind == "segment" else "segment"
        if self._open[-1].kind != parent:
            raise InvalidMkvError(f"a {kind} inside a {self._open[-1].kind}", self.offset)
        started_at = self.offset
        raw = self._take(head.length)
        end = None if head.size is None else self.offset + head.size
        self._open.append(_Open(kind, end, started_at))
        if kind == "cluster":
            self._cluster_timecode = 0
            events.append(ClusterEvent(raw))
        else:
            events.append(SegmentEvent(raw))

    def _whole(self, head: Head, events: list[Event]) -> bool:
        if self._open[-1].kind == "document" and head.element_id not in (ids.EBML, ids.VOID, ids.CRC_32):
            raise InvalidMkvError("neither an EBML header nor a Segment begins here", self.offset)
        if head.size is None:
            raise InvalidMkvError(f"element {head.element_id:X} may not be of unknown size", self.offset)
        if head.size > self._max_element_bytes:
            raise ElementTooLargeError(
                f"element {head.element_id:X} declares {head.size} bytes, {self._max_element_bytes} are taken",
                self.offset,
            )
        length = head.length + head.size
        if len(self._buffer) < length:
            self._needed = length
            return False
        offset = self.offset
        events.append(self._event(head, self._take(length), offset))
        return True

    def _event(self, head: Head, raw: bytes, offset: int) -> Event:
        match self._open[-1].kind:
            case "document":
                return _document_event(head, raw)
            case "segment" if head.element_id == ids.TRACKS:
                return self._tracks_event(head, raw, offset)
            case "segment":
                return _segment_event(head, raw, offset)
            case _:
                return self._cluster_event(head, raw, offset)

    def _tracks_event(self, head: Head, raw: bytes, offset: int) -> TracksEvent:
        """KVS repeats the same tracks before every fragment."""
        if raw != self._last_tracks.raw:
            tracks = read_tracks(memoryview(raw)[head.length :], offset + head.length)
            self._last_tracks = TracksEvent(raw, tracks)
        return self._last_tracks

    def _cluster_event(self, head: Head, raw: bytes, offset: int) -> Event:
        match head.element_id:
            case ids.SIMPLE_BLOCK:
                return read_simple_block(raw, head, self._cluster_timecode, offset)
            case ids.BLOCK_GROUP:
                return read_block_group(raw, head, self._cluster_timecode, offset)
            case ids.CLUSTER_TIMECODE:
                self._cluster_timecode = unsigned(raw[head.length :])
                return ClusterTimecodeEvent(raw, self._cluster_timecode)
        return OtherEvent(raw, head.element_id, "cluster")

    def _take(self, length: int) -> bytes:
        with memoryview(self._buffer) as view:
            raw = bytes(view[:length])
        del self._buffer[:length]
        self.offset += length
        return raw


def _document_event(head: Head, raw: bytes) -> Event:
    return HeaderEvent(raw) if head.element_id == ids.EBML else OtherEvent(raw, head.element_id, "document")


def _segment_event(head: Head, raw: bytes, offset: int) -> Event:
    payload = memoryview(raw)[head.length :]
    inner_offset = offset + head.length
    match head.element_id:
        case ids.INFO:
            return InfoEvent(raw, read_timecode_scale_ns(payload, inner_offset))
        case ids.TAGS:
            return TagsEvent(raw, read_tags(payload, inner_offset))
    return OtherEvent(raw, head.element_id, "segment")
