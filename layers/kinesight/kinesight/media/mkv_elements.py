"""Parses elements that are in memory: variable-size integers, children and the supported payloads."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

from kinesight.media import mkv_ids as ids
from kinesight.media.mkv_model import BlockEvent, InvalidMkvError, Tag, Track

Buffer = bytes | bytearray | memoryview

_DEFAULT_TIMECODE_SCALE_NS = 1_000_000
_TRACK_KINDS: dict[int, Literal["video", "audio"]] = {1: "video", 2: "audio"}
_UNKNOWN_UNIT = 4
_MAXIMUM_DEPTH = 16  # of nested SimpleTags; no producer nests them this deep


class Head(NamedTuple):
    """Id of an element, size of its payload (None: unknown), and the length of both fields, in bytes."""

    element_id: int
    size: int | None
    length: int


def read_head(data: Buffer, position: int, end: int, offset: int) -> Head | None:
    """Reads a head; None if data[position:end] is too short. `offset` in the body is for errors. Raises
    InvalidMkvError."""
    available = end - position
    if available < 1:
        return None
    id_length = 9 - data[position].bit_length()
    if id_length > 4:
        raise InvalidMkvError("no element id starts here", offset)
    if available < id_length + 1:
        return None
    size_length = 9 - data[position + id_length].bit_length()
    if size_length > 8:
        raise InvalidMkvError("no element size starts here", offset + id_length)
    if available < id_length + size_length:
        return None
    element_id = int.from_bytes(data[position : position + id_length])
    size, unknown = _vint(data, position + id_length, size_length)
    return Head(element_id, None if unknown else size, id_length + size_length)


def _vint(data: Buffer, position: int, length: int) -> tuple[int, bool]:
    mask = (1 << (7 * length)) - 1
    value = int.from_bytes(data[position : position + length]) & mask
    return value, value == mask


def children(data: Buffer, start: int, end: int, offset: int) -> Iterator[tuple[int, int, int]]:
    """Yields (id, payload start, payload end) of the elements in data[start:end]. Raises InvalidMkvError."""
    position = start
    while position < end:
        head = read_head(data, position, end, offset + position - start)
        if head is None or head.size is None or position + head.length + head.size > end:
            raise InvalidMkvError("an element does not fit into its parent", offset + position - start)
        position += head.length
        yield head.element_id, position, position + head.size
        position += head.size


def unsigned(data: Buffer) -> int:
    return int.from_bytes(data)


def text(data: Buffer) -> str:
    return bytes(data).rstrip(b"\0").decode(errors="replace")


def real(data: Buffer) -> float:
    if len(data) not in (4, 8):
        return 0.0
    return float(struct.unpack(">f" if len(data) == 4 else ">d", data)[0])


def read_timecode_scale_ns(data: Buffer, offset: int) -> int:
    """Returns the TimecodeScale of an Info payload; never 0."""
    for element_id, start, end in children(data, 0, len(data), offset):
        if element_id == ids.TIMECODE_SCALE:
            return unsigned(data[start:end]) or _DEFAULT_TIMECODE_SCALE_NS
    return _DEFAULT_TIMECODE_SCALE_NS


def read_tracks(data: Buffer, offset: int) -> tuple[Track, ...]:
    """Returns the entries of a Tracks payload."""
    return tuple(
        _track(data[start:end], offset + start)
        for element_id, start, end in children(data, 0, len(data), offset)
        if element_id == ids.TRACK_ENTRY
    )


def _track(data: Buffer, offset: int) -> Track:
    found = {element_id: data[start:end] for element_id, start, end in children(data, 0, len(data), offset)}
    video = _fields(found.get(ids.VIDEO, b""), offset)
    audio = _fields(found.get(ids.AUDIO, b""), offset)
    return Track(
        number=unsigned(found.get(ids.TRACK_NUMBER, b"")),
        kind=_TRACK_KINDS.get(unsigned(found.get(ids.TRACK_TYPE, b"")), "other"),
        codec_id=text(found.get(ids.CODEC_ID, b"")),
        codec_private=bytes(found.get(ids.CODEC_PRIVATE, b"")),
        name=text(found.get(ids.TRACK_NAME, b"")),
        width=unsigned(video.get(ids.PIXEL_WIDTH, b"")),
        height=unsigned(video.get(ids.PIXEL_HEIGHT, b"")),
        sampling_hz=real(audio.get(ids.SAMPLING_FREQUENCY, b"")),
        channels=unsigned(audio.get(ids.CHANNELS, b"")),
        pixel_aspect=_pixel_aspect(video),
    )


def _pixel_aspect(video: dict[int, Buffer]) -> Fraction:
    """Returns the width of a pixel by its height. Sizes in pixels, centimetres and inches have the same ratio."""
    names = (ids.DISPLAY_WIDTH, ids.DISPLAY_HEIGHT, ids.PIXEL_WIDTH, ids.PIXEL_HEIGHT)
    shown_width, shown_height, width, height = (unsigned(video.get(name, b"")) for name in names)
    is_known = unsigned(video.get(ids.DISPLAY_UNIT, b"")) != _UNKNOWN_UNIT
    if not (is_known and shown_width and shown_height and width and height):
        return Fraction(1)
    return Fraction(shown_width * height, shown_height * width)


def _fields(data: Buffer, offset: int) -> dict[int, Buffer]:
    return {element_id: data[start:end] for element_id, start, end in children(data, 0, len(data), offset)}


def read_tags(data: Buffer, offset: int) -> tuple[Tag, ...]:
    """Returns the SimpleTags of a Tags payload; nested ones follow their parent."""
    found: list[Tag] = []
    _add_tags(found, data, 0, len(data), offset)
    return tuple(found)


def _add_tags(found: list[Tag], data: Buffer, begin: int, stop: int, offset: int) -> None:
    for element_id, start, end in children(data, begin, stop, offset):
        if element_id == ids.TAG:
            _add_tags(found, data, start, end, offset + start - begin)
        elif element_id == ids.SIMPLE_TAG:
            _add_simple_tag(found, data, start, end, offset + start - begin, depth=0)


def _add_simple_tag(found: list[Tag], data: Buffer, begin: int, stop: int, offset: int, *, depth: int) -> None:
    if depth > _MAXIMUM_DEPTH:
        raise InvalidMkvError("tags are nested too deeply", offset)
    name = value = ""
    place = len(found)
    for element_id, start, end in children(data, begin, stop, offset):
        if element_id == ids.TAG_NAME:
            name = text(data[start:end])
        elif element_id == ids.TAG_STRING:
            value = text(data[start:end])
        elif element_id == ids.SIMPLE_TAG:
            _add_simple_tag(found, data, start, end, offset + start - begin, depth=depth + 1)
    found.insert(place, Tag(name, value))


def read_simple_block(raw: bytes, head: Head, cluster_timecode: int, offset: int) -> BlockEvent:
    """Reads a SimpleBlock, whose flags contain whether it is a keyframe."""
    track_number, relative, flags, spans = _block(raw, head.length, len(raw), offset)
    return BlockEvent(raw, track_number, cluster_timecode + relative, bool(flags & 0x80), spans, None)


_size_word = struct.Struct(">Q").unpack_from
_block_head = struct.Struct(">BhB").unpack_from
_PLAIN_BLOCK_BYTES = 9  # an id and eight bytes for its size; shorter blocks take the slow path
_SIZES: tuple[tuple[int, int, int, tuple[slice, ...]], ...] = (
    (0, 0, 0, ()),
    *((64 - 8 * length, (1 << 7 * length) - 1, 1 + length, (slice(5 + length, None),)) for length in range(8, 0, -1)),
)
"""By the bit length of a size's first byte: right shift and mask of the size, length of the element's head, and span of
the frame in a block with that head."""


def read_plain_blocks(data: memoryview, end: int, cluster_timecode: int) -> tuple[list[BlockEvent], int, int]:
    """Reads leading SimpleBlocks that end before `end`, of tracks below 128 and without lacing. Returns the blocks, the
    position of the next element, and its minimum size. This is the fast path for nearly all bytes of a body."""
    found: list[BlockEvent] = []
    position, needed = 0, 1
    while end - position >= _PLAIN_BLOCK_BYTES and data[position] == ids.SIMPLE_BLOCK:
        (word,) = _size_word(data, position + 1)
        unused, mask, head_length, spans = _SIZES[(word >> 56).bit_length()]
        size = word >> unused & mask
        if size == mask or size < 4:
            break
        length = head_length + size
        if position + length > end:
            needed = length
            break
        track, relative_timecode, flags = _block_head(data, position + head_length)
        if track < 0x80 or flags & 0x06:
            break
        raw = data[position : position + length]
        found.append(BlockEvent(raw, track & 0x7F, cluster_timecode + relative_timecode, flags >= 0x80, spans, None))
        position += length
    return found, position, needed


def read_block_group(raw: bytes, head: Head, cluster_timecode: int, offset: int) -> BlockEvent:
    """Reads a BlockGroup; it is a keyframe if it references no other block."""
    places = {element_id: (start, end) for element_id, start, end in children(raw, head.length, len(raw), offset)}
    if ids.BLOCK not in places:
        raise InvalidMkvError("a BlockGroup without a Block", offset)
    track_number, relative, _, spans = _block(raw, *places[ids.BLOCK], offset)
    length = places.get(ids.BLOCK_DURATION)
    duration = unsigned(raw[slice(*length)]) if length is not None else None
    keyframe = ids.REFERENCE_BLOCK not in places
    return BlockEvent(raw, track_number, cluster_timecode + relative, keyframe, spans, duration)


def _block(raw: bytes, start: int, end: int, offset: int) -> tuple[int, int, int, tuple[slice, ...]]:
    """Returns track, relative timecode, flags and the spans in `raw` of the frames of the block in raw[start:end]."""
    length = 9 - raw[start].bit_length() if start < end else 9
    if length > 8 or end - start < length + 3:
        raise InvalidMkvError("a block too short for its header", offset)
    track_number, _ = _vint(raw, start, length)
    body = start + length + 3
    relative = int.from_bytes(raw[body - 3 : body - 1], signed=True)
    flags = raw[body - 1]
    lacing = (flags >> 1) & 0x03
    spans = (
        (slice(body, end if end < len(raw) else None),)
        if lacing == 0
        else _laced(memoryview(raw)[body:end], lacing, body, offset)
    )
    return track_number, relative, flags, spans


def _laced(body: Buffer, lacing: int, begin: int, offset: int) -> tuple[slice, ...]:
    if not len(body):
        raise InvalidMkvError("a laced block without its frame count", offset)
    count = body[0] + 1
    sizes, position = _lace_sizes(body, lacing, count, offset)
    last = len(body) - position - sum(sizes)
    if last < 0 or any(size < 0 for size in sizes):
        raise InvalidMkvError("laced frames exceed their block", offset)
    edges = accumulate((*sizes, last), initial=begin + position)
    return tuple(slice(*pair) for pair in pairwise(edges))


def _lace_sizes(body: Buffer, lacing: int, count: int, offset: int) -> tuple[list[int], int]:
    """Returns the sizes of all frames but the last, and the position of the first. Lacing: 1 Xiph, 2 fixed, 3 EBML."""
    if lacing == 2:
        if (len(body) - 1) % count:
            raise InvalidMkvError("fixed lacing does not divide its block", offset)
        return [(len(body) - 1) // count] * (count - 1), 1
    return _xiph_sizes(body, count, offset) if lacing == 1 else _ebml_sizes(body, count, offset)


def _xiph_sizes(body: Buffer, count: int, offset: int) -> tuple[list[int], int]:
    sizes, position = [], 1
    for _ in range(count - 1):
        size = 0
        while True:
            if position >= len(body):
                raise InvalidMkvError("Xiph lacing exceeds its block", offset)
            size += body[position]
            position += 1
            if body[position - 1] != 255:
                break
        sizes.append(size)
    return sizes, position


def _ebml_sizes(body: Buffer, count: int, offset: int) -> tuple[list[int], int]:
    """The first size is absolute, each further size is the difference to the one before."""
    sizes: list[int] = []
    position = 1
    for index in range(count - 1):
        length = 9 - body[position].bit_length() if position < len(body) else 9
        if length > 8 or position + length > len(body):
            raise InvalidMkvError("EBML lacing exceeds its block", offset)
        value, _ = _vint(body, position, length)
        position += length
        sizes.append(value if index == 0 else sizes[-1] + value - ((1 << (7 * length - 1)) - 1))
    return sizes, position
