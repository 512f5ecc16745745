"""Incremental Matroska parser: takes chunks of any size, returns events.

For KVS bodies: concatenated documents, headers repeated per fragment, Segment and Cluster often of unknown size, Tags
between Clusters. Memory is bounded by one element, time is linear in the bytes, and declared sizes are not trusted.
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
    ElementEvent,
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
    "ElementEvent",
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
"""More than the 50 MB that KVS allows for a fragment."""


@dataclass(slots=True)
class _Open:
    """An open container: a document, Segment or Cluster. `end` is the offset of its end in the body, None if
    unknown."""

    kind: Literal["document", "segment", "cluster"]
    end: int | None
    started_at: int


class MkvParser:
    """Parses chunks; close it at the end of the body.

    An error is raised only after all events before it were returned: the call that finds it returns those events, and
    the next call of `feed` or `close` raises.
    """

    def __init__(self, *, max_element_bytes: int = DEFAULT_MAX_ELEMENT_BYTES) -> None:
        """`max_element_bytes` limits elements that are buffered whole: all but Segment and Cluster."""
        self._max_element_bytes = max_element_bytes
        self._parts: list[memoryview] = []  # of an element that is not complete yet
        self._held = 0
        self._needed = 1
        self._open = [_Open("document", None, 0)]
        self._cluster_timecode = 0
        self._last_tracks = TracksEvent(b"", ())
        self._failure: MkvError | None = None
        self.offset = 0
        """Offset of the next element in the body."""

    def feed(self, data: bytes | memoryview) -> list[Event]:
        """Returns the events that these bytes complete. Raises InvalidMkvError, ElementTooLargeError."""
        if self._failure is not None:
            raise self._failure
        events: list[Event] = []
        try:
            self._read_chunk(memoryview(data), events)
        except MkvError as error:
            self._failure = error
            if not events:
                raise
        return events

    def _read_chunk(self, chunk: memoryview, events: list[Event]) -> None:
        """Reads elements without copying; only an element that started in an earlier chunk is joined first."""
        position = 0
        while self._held and position < len(chunk):
            missing = max(1, self._needed - self._held)
            self._hold(chunk[position : position + missing])
            position += missing
            if self._held >= self._needed:
                whole = memoryview(b"".join(self._parts))
                self._parts, self._held = [], 0
                self._hold(whole[self._read(whole, events) :])
        if position < len(chunk):
            rest = chunk[position:]
            self._hold(rest[self._read(rest, events) :])

    def _hold(self, part: memoryview) -> None:
        if len(part):
            self._parts.append(part)
            self._held += len(part)

    def _read(self, data: memoryview, events: list[Event]) -> int:
        """Reads whole elements; returns their size. Sets the minimum size of the next one."""
        position, self._needed = 0, 1
        while len(data) - position >= self._needed:
            rest = data[position:] if position else data
            position += self._plain_blocks(rest, events) or self._step(rest, events)
        return position

    def close(self) -> list[Event]:
        """Returns the events that the end of the body completes. Raises TruncatedMkvError, or the pending error of
        `feed`."""
        if self._failure is not None:
            raise self._failure
        cut = self._held or any(container.end is not None for container in self._open)
        if cut:
            self._failure = TruncatedMkvError("the body ends inside an element", self.offset + self._held)
            raise self._failure
        events: list[Event] = [ClusterEndEvent() for container in self._open if container.kind == "cluster"]
        del self._open[1:]
        return events

    def _plain_blocks(self, data: memoryview, events: list[Event]) -> int:
        """Fast path for plain blocks, the bulk of a body; returns 0 and reads nothing for other elements."""
        inner = self._open[-1]
        if inner.kind != "cluster":
            return 0
        end = len(data) if inner.end is None else min(len(data), inner.end - self.offset)
        blocks, length, needed = read_plain_blocks(data, min(end, self._max_element_bytes), self._cluster_timecode)
        if length:
            events += blocks
            self._advance(length)
            self._leave_complete(events)
            self._needed = needed if needed <= self._max_element_bytes else 1
        return length

    def _step(self, data: memoryview, events: list[Event]) -> int:
        """Reads one element; returns its size, or 0 if more bytes are needed."""
        head = read_head(data, 0, len(data), self.offset)
        if head is None:
            self._needed = len(data) + 1
            return 0
        self._leave_unknown_sized(head.element_id, events)
        inner = self._open[-1]
        if inner.end is not None and self.offset + head.length + (head.size or 0) > inner.end:
            raise InvalidMkvError("an element exceeds its parent", self.offset)
        if head.element_id in (ids.SEGMENT, ids.CLUSTER):
            length = self._enter(data, head, events)
        else:
            length = self._whole(data, head, events)
        if length:
            self._leave_complete(events)
        return length

    def _advance(self, length: int) -> None:
        self.offset += length

    def _leave_unknown_sized(self, element_id: int, events: list[Event]) -> None:
        """Closes elements of unknown size, which end at an element that they cannot contain."""
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

    def _enter(self, data: memoryview, head: Head, events: list[Event]) -> int:
        kind: Literal["segment", "cluster"] = "segment" if head.element_id == ids.SEGMENT else "cluster"
        parent = "document" if kind == "segment" else "segment"
        if self._open[-1].kind != parent:
            raise InvalidMkvError(f"a {kind} inside a {self._open[-1].kind}", self.offset)
        started_at = self.offset
        self._advance(head.length)
        end = None if head.size is None else self.offset + head.size
        self._open.append(_Open(kind, end, started_at))
        raw = bytes(data[: head.length])
        if kind == "cluster":
            self._cluster_timecode = 0
            events.append(ClusterEvent(raw))
        else:
            events.append(SegmentEvent(raw))
        return head.length

    def _whole(self, data: memoryview, head: Head, events: list[Event]) -> int:
        if self._open[-1].kind == "document" and head.element_id not in (ids.EBML, ids.VOID, ids.CRC_32):
            raise InvalidMkvError("neither an EBML header nor a Segment starts here", self.offset)
        if head.size is None:
            raise InvalidMkvError(f"element {head.element_id:X} may not be of unknown size", self.offset)
        if head.size > self._max_element_bytes:
            raise ElementTooLargeError(
                f"element {head.element_id:X} declares {head.size} bytes, the limit is {self._max_element_bytes}",
                self.offset,
            )
        length = head.length + head.size
        if len(data) < length:
            self._needed = length
            return 0
        events.append(self._event(head, bytes(data[:length]), self.offset))
        self._advance(length)
        return length

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
        """Returns the event; tracks are parsed once, because KVS repeats the same tracks before every fragment."""
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
