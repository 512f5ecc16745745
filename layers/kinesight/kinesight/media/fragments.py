"""Reads the bodies of GetMedia and GetMediaForFragmentList: fragments, and errors that KVS reports inside the body.

Each fragment is a Matroska document. KVS's metadata tags are before the cluster; the producer's tags of the fragment,
and KVS's position in the stream, are after it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import NamedTuple

from kinesight.media.mkv import (
    BlockEvent,
    ClusterEndEvent,
    ClusterEvent,
    ClusterTimecodeEvent,
    ElementEvent,
    ElementTooLargeError,
    Event,
    HeaderEvent,
    InfoEvent,
    MkvError,
    MkvParser,
    TagsEvent,
    Track,
    TracksEvent,
)

_KVS = "AWS_KINESISVIDEO_"
_TOKEN = f"{_KVS}CONTINUATION_TOKEN"
_NUMBER = f"{_KVS}FRAGMENT_NUMBER"
_END_OF_TIME_S = 253_370_764_800
"""The year 9999."""
_MAX_FRAGMENT_BYTES = 64 * 1024 * 1024


class VideoFrame(NamedTuple):
    """An encoded frame of any track; `timecode_ms` is exact, in the producer's timeline."""

    track_number: int
    timecode_ms: Fraction
    keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class MediaFragment:
    """A fragment. Timestamps are epoch seconds with three decimals; `parts` are the bytes of the whole document."""

    number: str | None
    producer_timestamp: Decimal | None
    server_timestamp: Decimal | None
    tags: Mapping[str, str]
    event_tags: Mapping[str, str]
    tracks: tuple[Track, ...]
    timecode_scale_ns: int
    cluster_timecode: int
    blocks: tuple[BlockEvent, ...]
    parts: tuple[bytes | memoryview, ...]
    millis_behind_now: int | None
    continuation_token: str | None

    @property
    def frames(self) -> tuple[VideoFrame, ...]:
        """The frames of all tracks, in order; extracted on each access."""
        return tuple(self._frames(self.blocks))

    @property
    def keyframes(self) -> tuple[VideoFrame, ...]:
        """The keyframes of all tracks, in order."""
        return tuple(self._frames(block for block in self.blocks if block.keyframe))

    def _frames(self, blocks: Iterable[BlockEvent]) -> Iterator[VideoFrame]:
        for block in blocks:
            at_ms = Fraction(block.timecode * self.timecode_scale_ns, 1_000_000)
            for data in block.frames:
                yield VideoFrame(block.track_number, at_ms, block.keyframe, data)

    @property
    def raw(self) -> bytes:
        """The whole document; joined on each access, because consumers of frames do not need it."""
        return b"".join(self.parts)


@dataclass(frozen=True, slots=True)
class MediaErrorNotice:
    """An error that KVS reports inside a 200 response; `error_id` is 3002, 4000 … 5000, if it has one."""

    fragment_number: str | None
    error_id: int | None
    code: str
    message: str


@dataclass(slots=True)
class _Document:
    events: list[ElementEvent] = field(default_factory=list)
    measured: int = 0
    size: int = 0
    timecode_scale_ns: int = 1_000_000
    tracks: tuple[Track, ...] = ()
    kvs_tags: dict[str, str] = field(default_factory=dict)
    producer_tags: dict[str, str] = field(default_factory=dict)
    cluster_timecode: int | None = None

    def measure(self) -> int:
        """Returns the bytes read so far."""
        self.size += sum(len(event.raw) for event in self.events[self.measured :])
        self.measured = len(self.events)
        return self.size


class FragmentReader:
    """Reads fragments from chunks of any size. Close it at the end of the body, which completes the last fragment if no
    tags of GetMedia follow it."""

    def __init__(self, *, max_fragment_bytes: int = _MAX_FRAGMENT_BYTES) -> None:
        self._parser = MkvParser(max_element_bytes=max_fragment_bytes)
        self._max_fragment_bytes = max_fragment_bytes
        self._document: _Document | None = None
        self._failure: MkvError | None = None

    @property
    def number(self) -> str | None:
        """Number of the fragment that is being read, once it is known; after an error, of the fragment with the
        error."""
        return None if self._document is None else self._document.kvs_tags.get(_NUMBER)

    def feed(self, data: bytes | memoryview) -> list[MediaFragment | MediaErrorNotice]:
        """Returns the items that these bytes complete. Raises MkvError after all items before the error were
        returned."""
        self._raise_failure()
        return self._process(self._parser.feed(data))

    def close(self) -> list[MediaFragment | MediaErrorNotice]:
        """Returns the last fragment. Raises TruncatedMkvError if the body ends inside it."""
        self._raise_failure()
        return self._process(self._parser.close()) + self._finish()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _process(self, events: list[Event]) -> list[MediaFragment | MediaErrorNotice]:
        done: list[MediaFragment | MediaErrorNotice] = []
        document = self._document
        for event in events:
            if isinstance(event, BlockEvent):  # the fast path: most events are blocks
                if document is not None:
                    document.events.append(event)
            elif self._passes_limit() or self._fails(event, done):
                break
            else:
                document = self._document
        self._passes_limit()
        if not done:
            self._raise_failure()
        return done

    def _fails(self, event: Event, done: list[MediaFragment | MediaErrorNotice]) -> bool:
        """Adds what an event completes. An error that no code expects is that of the fragment: the next call raises
        it, so that the fragments before it are returned."""
        try:
            done += self._take(event)
        except Exception as error:  # noqa: BLE001 - see above
            self._failure = MkvError(f"{type(error).__name__}: {error}", self._parser.offset)
            self._failure.__cause__ = error
        return self._failure is not None

    def _take(self, event: Event) -> list[MediaFragment | MediaErrorNotice]:
        done: list[MediaFragment | MediaErrorNotice] = []
        if isinstance(event, HeaderEvent):
            done = self._finish()
            self._document = _Document()
        document = self._document
        if document is None or isinstance(event, ClusterEndEvent):
            return done
        document.events.append(event)
        _add(document, event)
        if isinstance(event, TagsEvent) and _is_last(document) and not self._passes_limit():
            done += self._finish()
        return done

    def _passes_limit(self) -> bool:
        """Checks the size limit; beyond it, the next call raises, or this one if it has nothing to return."""
        if self._document is None or self._document.measure() <= self._max_fragment_bytes:
            return False
        limit = f"a fragment exceeds {self._max_fragment_bytes} bytes"
        self._failure = ElementTooLargeError(limit, self._parser.offset)
        return True

    def _finish(self) -> list[MediaFragment | MediaErrorNotice]:
        document = self._document
        if document is None:
            return []
        found: list[MediaFragment | MediaErrorNotice] = []
        if document.cluster_timecode is not None:
            found.append(_fragment(document, document.cluster_timecode))
        notice = _notice(document.kvs_tags)
        self._document = None
        return found if notice is None else [*found, notice]


def read_fragments(
    chunks: Iterable[bytes], reader: FragmentReader | None = None
) -> Iterator[MediaFragment | MediaErrorNotice]:
    """Yields the items of a whole body. Raises MkvError at malformed media; pass a new `reader` to get the number of
    the fragment with the error."""
    reader = reader or FragmentReader()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


def _add(document: _Document, event: Event) -> None:
    match event:
        case InfoEvent(timecode_scale_ns=scale):
            document.timecode_scale_ns = scale
        case TracksEvent(tracks=tracks):
            document.tracks = tracks
        case TagsEvent():
            _add_tags(document, event)
        case ClusterEvent():
            document.cluster_timecode = document.cluster_timecode or 0
        case ClusterTimecodeEvent(timecode=timecode):
            document.cluster_timecode = document.cluster_timecode or timecode
        case _:
            pass


def _is_last(document: _Document) -> bool:
    """Whether the fragment is complete: GetMedia ends each fragment with its continuation token."""
    return document.cluster_timecode is not None and _TOKEN in document.kvs_tags


def _add_tags(document: _Document, event: TagsEvent) -> None:
    for tag in event.tags:
        if tag.name.startswith(_KVS):
            document.kvs_tags[tag.name] = tag.value
        elif document.cluster_timecode is not None:
            document.producer_tags[tag.name] = tag.value


def _fragment(document: _Document, cluster_timecode: int) -> MediaFragment:
    tags = document.kvs_tags
    behind = tags.get(f"{_KVS}MILLIS_BEHIND_NOW", "")
    return MediaFragment(
        number=tags.get(_NUMBER),
        producer_timestamp=_seconds(tags, "PRODUCER"),
        server_timestamp=_seconds(tags, "SERVER"),
        tags=document.producer_tags,
        event_tags={name: tags[name] for name in _EVENT_TAGS if name in tags},
        tracks=document.tracks,
        timecode_scale_ns=document.timecode_scale_ns,
        cluster_timecode=cluster_timecode,
        blocks=tuple([event for event in document.events if isinstance(event, BlockEvent)]),
        parts=tuple([event.raw for event in document.events]),
        millis_behind_now=int(behind) if behind.isascii() and behind.isdecimal() else None,
        continuation_token=tags.get(_TOKEN),
    )


_EVENT_TAGS = (f"{_KVS}IMAGE_GENERATION", f"{_KVS}IMAGE_PREFIX", f"{_KVS}NOTIFICATION", f"{_KVS}END_OF_FRAGMENT")


def _seconds(tags: Mapping[str, str], source: str) -> Decimal | None:
    """Returns a timestamp; None for one that is missing, or not between the years 1970 and 9998. AWS documents
    …_SIDE_TIMESTAMP for archived media; AWS's parser reads the name without SIDE."""
    text = tags.get(f"{_KVS}{source}_TIMESTAMP") or tags.get(f"{_KVS}{source}_SIDE_TIMESTAMP")
    try:
        seconds = Decimal(text) if text else None
        return seconds if seconds is not None and 0 <= seconds < _END_OF_TIME_S else None
    except InvalidOperation:  # also raised by comparisons with NaN
        return None


def _notice(tags: Mapping[str, str]) -> MediaErrorNotice | None:
    code = tags.get(f"{_KVS}ERROR_CODE") or tags.get(f"{_KVS}EXCEPTION_ERROR_CODE")
    error_id = tags.get(f"{_KVS}ERROR_ID", "")
    if code is None and not error_id:
        return None
    number = code if error_id == "" and code is not None else error_id
    return MediaErrorNotice(
        fragment_number=tags.get(_NUMBER),
        error_id=int(number) if number.isascii() and number.isdecimal() else None,
        code=code or error_id,
        message=tags.get(f"{_KVS}EXCEPTION_MESSAGE", ""),
    )
