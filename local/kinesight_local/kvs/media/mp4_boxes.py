"""The boxes of a fragmented MP4 (ISO/IEC 14496-12): splits off the initialization segment and sets start times."""

from collections.abc import Iterator
from fractions import Fraction

type Data = bytes | bytearray

_HEADER = 8
"""Size and type."""


def split(data: bytes) -> tuple[bytes, bytes]:
    """(initialization segment, media segment)."""
    media, _ = next(_inside(data, 0, len(data), b"moof"))
    return data[:media], data[media:]


def moved(init: bytes, segment: bytes, start_ms: Fraction, sequence: int) -> bytes:
    """A media segment with another start time and sequence number (tfdt, mfhd). Each track has its own time unit."""
    data = bytearray(segment)
    scales = _timescales(init)
    for start, end in _inside(data, 0, len(data), b"moof"):
        for at, _ in _inside(data, start + _HEADER, end, b"mfhd"):
            data[at + 12 : at + 16] = sequence.to_bytes(4)
        for at, until in _inside(data, start + _HEADER, end, b"traf"):
            ((track, _),) = _inside(data, at + _HEADER, until, b"tfhd")
            ((time, _),) = _inside(data, at + _HEADER, until, b"tfdt")
            _add(data, time, round(start_ms * scales[_number(data, track + 12)] / 1000))
    return bytes(data)


def _timescales(init: bytes) -> dict[int, int]:
    """Time units per second, by track."""
    scales = {}
    for start, end in _inside(init, 0, len(init), b"moov", b"trak"):
        ((track, _),) = _inside(init, start + _HEADER, end, b"tkhd")
        ((media, _),) = _inside(init, start + _HEADER, end, b"mdia", b"mdhd")
        scales[_after_times(init, track)] = _after_times(init, media)
    return scales


def _after_times(data: Data, at: int) -> int:
    """The field after the creation and modification times: the track number in tkhd, the time scale in mdhd."""
    return _number(data, at + (28 if _is_wide(data, at) else 20))


def _add(data: bytearray, at: int, ticks: int) -> None:
    """Adds to the decode time of a tfdt."""
    width = 8 if _is_wide(data, at) else 4
    field = slice(at + 12, at + 12 + width)
    data[field] = (int.from_bytes(data[field]) + ticks).to_bytes(width)


def _is_wide(data: Data, at: int) -> bool:
    """Version 1 of a box has 64-bit times."""
    return data[at + _HEADER] == 1


def _number(data: Data, at: int) -> int:
    return int.from_bytes(data[at : at + 4])


def _inside(data: Data, start: int, end: int, kind: bytes, *inner: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of all boxes at this path in data[start:end]."""
    while start + _HEADER <= end:
        until = start + max(_number(data, start), _HEADER)
        if data[start + 4 : start + _HEADER] == kind:
            if inner:
                yield from _inside(data, start + _HEADER, until, *inner)
            else:
                yield start, until
        start = until
