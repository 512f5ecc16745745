"""Writes Matroska elements as KVS producers do: live, with unknown sizes of Segment and Cluster."""

import struct
from collections.abc import Iterable, Sequence

from kinesight.media import mkv_ids as ids
from kinesight.media.mkv_model import Tag, Track

_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_TRACK_TYPES = {"video": 1, "audio": 2, "other": 17}
_ASPECT_RATIO = 3
"""DisplayUnit: the display size is a ratio, not in pixels."""
_APPLICATION = "kinesight"


def element(element_id: int, payload: bytes) -> bytes:
    """Returns an element: id, size in the fewest bytes, payload."""
    return _id(element_id) + _size(len(payload)) + payload


def _id(element_id: int) -> bytes:
    return element_id.to_bytes((element_id.bit_length() + 7) // 8)


def _size(size: int) -> bytes:
    for length in range(1, 9):
        if size < (1 << (7 * length)) - 1:
            return ((1 << (7 * length)) | size).to_bytes(length)
    raise ValueError(f"{size} bytes exceed the maximum size of an element")


def _unsigned(element_id: int, value: int) -> bytes:
    return element(element_id, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _text(element_id: int, value: str) -> bytes:
    return element(element_id, value.encode())


def ebml_header() -> bytes:
    """Returns the header of a Matroska document."""
    return element(
        ids.EBML,
        _unsigned(ids.EBML_VERSION, 1)
        + _unsigned(ids.EBML_READ_VERSION, 1)
        + _unsigned(ids.EBML_MAX_ID_LENGTH, 4)
        + _unsigned(ids.EBML_MAX_SIZE_LENGTH, 8)
        + _text(ids.DOC_TYPE, "matroska")
        + _unsigned(ids.DOC_TYPE_VERSION, 4)
        + _unsigned(ids.DOC_TYPE_READ_VERSION, 2),
    )


def segment_start() -> bytes:
    """Returns the start of a Segment of unknown size."""
    return _id(ids.SEGMENT) + _UNKNOWN_SIZE


def info(timecode_scale_ns: int = 1_000_000) -> bytes:
    """Returns an Info element; timecodes are in units of `timecode_scale_ns` nanoseconds."""
    return element(
        ids.INFO,
        _unsigned(ids.TIMECODE_SCALE, timecode_scale_ns)
        + _text(ids.MUXING_APP, _APPLICATION)
        + _text(ids.WRITING_APP, _APPLICATION),
    )


def tracks(entries: Sequence[Track]) -> bytes:
    """Returns a Tracks element."""
    return element(ids.TRACKS, b"".join(_track_entry(track) for track in entries))


def _track_entry(track: Track) -> bytes:
    payload = (
        _unsigned(ids.TRACK_NUMBER, track.number)
        + _unsigned(ids.TRACK_UID, track.number)
        + _unsigned(ids.TRACK_TYPE, _TRACK_TYPES[track.kind])
        + _text(ids.CODEC_ID, track.codec_id)
    )
    if track.name:
        payload += _text(ids.TRACK_NAME, track.name)
    if track.codec_private:
        payload += element(ids.CODEC_PRIVATE, track.codec_private)
    if track.kind == "video":
        size = _unsigned(ids.PIXEL_WIDTH, track.width) + _unsigned(ids.PIXEL_HEIGHT, track.height)
        if track.pixel_aspect != 1:
            size += _unsigned(ids.DISPLAY_WIDTH, track.width * track.pixel_aspect.numerator)
            size += _unsigned(ids.DISPLAY_HEIGHT, track.height * track.pixel_aspect.denominator)
            size += _unsigned(ids.DISPLAY_UNIT, _ASPECT_RATIO)
        payload += element(ids.VIDEO, size)
    if track.kind == "audio":
        rate = element(ids.SAMPLING_FREQUENCY, struct.pack(">d", track.sampling_hz))
        payload += element(ids.AUDIO, rate + _unsigned(ids.CHANNELS, track.channels))
    return element(ids.TRACK_ENTRY, payload)


def tags(entries: Sequence[Tag]) -> bytes:
    """Returns a Tags element with one Tag that has the entries as SimpleTags, without Targets, as KVS writes them."""
    simple = b"".join(
        element(ids.SIMPLE_TAG, _text(ids.TAG_NAME, entry.name) + _text(ids.TAG_STRING, entry.value))
        for entry in entries
    )
    return element(ids.TAGS, element(ids.TAG, simple))


def cluster_start() -> bytes:
    """Returns the start of a Cluster of unknown size, which ends at the next Tags, Cluster or EBML header."""
    return _id(ids.CLUSTER) + _UNKNOWN_SIZE


def cluster_timecode(timecode: int) -> bytes:
    """Returns a cluster's Timecode element, in timecode-scale units."""
    return _unsigned(ids.CLUSTER_TIMECODE, timecode)


def cluster(timecode: int, blocks: Iterable[bytes], *, known_size: bool = True) -> bytes:
    """Returns a whole Cluster of `simple_block`s."""
    payload = cluster_timecode(timecode) + b"".join(blocks)
    return element(ids.CLUSTER, payload) if known_size else cluster_start() + payload


def simple_block(track_number: int, relative_timecode: int, keyframe: bool, data: bytes) -> bytes:
    """Returns a SimpleBlock; `relative_timecode` is relative to the cluster. Raises ValueError beyond 16 bits."""
    if not -32768 <= relative_timecode <= 32767:
        raise ValueError(f"a block {relative_timecode} units from its cluster does not fit into 16 bits")
    head = _size(track_number) + relative_timecode.to_bytes(2, signed=True) + (b"\x80" if keyframe else b"\0")
    return element(ids.SIMPLE_BLOCK, head + data)
