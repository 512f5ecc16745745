"""Reads NAL units of H.264 and H.265: between start codes (Annex B), or each after its length.

Codec private data (avcC, hvcC) declares lengths, but producers also send frames with start codes, repeat other
parameter sets in their keyframes, or send no private data. What the frames contain decides. The formats are in
ISO/IEC 14496-15.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kinesight.media.mkv_model import Track

H264 = "V_MPEG4/ISO/AVC"
H265 = "V_MPEGH/ISO/HEVC"

_START_CODE = b"\0\0\0\1"
_ANY_START_CODE = b"\0\0\1"
_START_CODES = (_ANY_START_CODE, _START_CODE, b"\0\0\0\0\1")
_DEFAULT_LENGTH_BYTES = 4
_AVCC_HEAD_BYTES = 6
_HVCC_HEAD_BYTES = 23
_H264_SETS = {7: "SPS", 8: "PPS"}
_H265_SETS = {32: "VPS", 33: "SPS", 34: "PPS"}


@dataclass(frozen=True, slots=True)
class NalForm:
    """How a decoder gets the frames of a track: its private data, and whether frames have start codes or lengths of
    `length_bytes`. Frames that have lengths have `source_bytes` of them, whatever the decoder gets."""

    private: bytes
    length_bytes: int | None
    source_bytes: int

    @classmethod
    def of(cls, track: Track, frame: bytes) -> "NalForm":
        """Returns the form of a frame; start codes if its lengths are declared nowhere."""
        declared = _declared_length_bytes(track)
        source_bytes = declared or _DEFAULT_LENGTH_BYTES
        if declared is None:
            return cls(track.codec_private, None, source_bytes)
        if has_start_codes(frame, declared):
            return cls(_joined(_recorded_sets(track)), None, source_bytes)
        return cls(track.codec_private, declared, source_bytes)

    def of_frame(self, frame: bytes) -> bytes:
        """Returns a frame of the track in this form."""
        is_coded = has_start_codes(frame, self.source_bytes)
        if is_coded == (self.length_bytes is None):
            return frame
        if is_coded:
            return length_prefixed(frame, self.source_bytes)
        return _joined(_after_lengths(frame, self.source_bytes))


def has_start_codes(frame: bytes, length_bytes: int = _DEFAULT_LENGTH_BYTES) -> bool:
    """Whether a frame is in Annex B. A frame whose lengths end exactly at its end is not: the length of a first unit of
    256 to 511 bytes looks like a start code."""
    return frame.startswith(_START_CODES) and not _lengths_fit(frame, length_bytes)


def length_prefixed(frame: bytes, length_bytes: int = _DEFAULT_LENGTH_BYTES) -> bytes:
    """Converts a frame from start codes to lengths, as in Matroska and MP4."""
    return b"".join(len(unit).to_bytes(length_bytes) + unit for unit in _between_codes(frame))


def playable(track: Track, keyframe: bytes) -> NalForm | None:
    """Returns the form in which a file's player can decode a track, or None without parameter sets. Those of the
    keyframe count, if it has them: players read no others than the file's private data."""
    form = NalForm.of(track, keyframe)
    own = [unit for unit in _units(form, keyframe) if _set_name(track, unit)]
    recorded = _recorded_sets(track)
    sets = own if _is_complete(track, own) else recorded
    if not _is_complete(track, sets):
        return None
    if form.length_bytes is not None and set(sets) <= set(recorded):
        return form
    return NalForm(_joined(sets), None, form.source_bytes)


def _units(form: NalForm, frame: bytes) -> list[bytes]:
    if has_start_codes(frame, form.source_bytes):
        return _between_codes(frame)
    return list(_after_lengths(frame, form.source_bytes))


def _between_codes(data: bytes) -> list[bytes]:
    units = (unit.rstrip(b"\0") for unit in data.split(_ANY_START_CODE)[1:])  # no NAL unit ends with a zero byte
    return [unit for unit in units if unit]


def _after_lengths(data: bytes, length_bytes: int) -> Iterator[bytes]:
    position = 0
    while position + length_bytes < len(data):
        start = position + length_bytes
        position = start + int.from_bytes(data[position:start])
        if position > start:
            yield data[start:position]


def _lengths_fit(data: bytes, length_bytes: int) -> bool:
    position = 0
    while position + length_bytes <= len(data):
        position += length_bytes + int.from_bytes(data[position : position + length_bytes])
    return position == len(data)


def _joined(units: "list[bytes] | Iterator[bytes]") -> bytes:
    return b"".join(_START_CODE + unit for unit in units)


def _declared_length_bytes(track: Track) -> int | None:
    """Returns the bytes of a length by avcC or hvcC, or None if the private data is neither."""
    private = track.codec_private
    if track.codec_id == H264 and private[:1] == b"\1" and len(private) > _AVCC_HEAD_BYTES:
        return (private[4] & 3) + 1
    if track.codec_id == H265 and not private.startswith(_START_CODES) and len(private) >= _HVCC_HEAD_BYTES:
        return (private[21] & 3) + 1
    return None


def _recorded_sets(track: Track) -> list[bytes]:
    """Returns the parameter sets in the private data."""
    if _declared_length_bytes(track) is None:
        units = _between_codes(track.codec_private)
    else:
        units = _in_avcc(track.codec_private) if track.codec_id == H264 else _in_hvcc(track.codec_private)
    return [unit for unit in units if _set_name(track, unit)]


def _in_avcc(private: bytes) -> list[bytes]:
    sps, position = _counted(private, _AVCC_HEAD_BYTES, private[5] & 0x1F)
    pps, _ = _counted(private, position + 1, private[position] if position < len(private) else 0)
    return sps + pps


def _in_hvcc(private: bytes) -> list[bytes]:
    found: list[bytes] = []
    position = _HVCC_HEAD_BYTES
    for _ in range(private[_HVCC_HEAD_BYTES - 1]):
        units, position = _counted(private, position + 3, int.from_bytes(private[position + 1 : position + 3]))
        found += units
    return found


def _counted(data: bytes, position: int, count: int) -> tuple[list[bytes], int]:
    """Returns `count` units after lengths of two bytes, and the position after them."""
    found = []
    for _ in range(count):
        start = position + 2
        if start > len(data):
            break
        position = start + int.from_bytes(data[position:start])
        found.append(data[start:position])
    return found, position


def _set_name(track: Track, unit: bytes) -> str | None:
    """Returns which parameter set a unit is, if any."""
    if not unit:
        return None
    return _H264_SETS.get(unit[0] & 0x1F) if track.codec_id == H264 else _H265_SETS.get(unit[0] >> 1 & 0x3F)


def _is_complete(track: Track, sets: list[bytes]) -> bool:
    needed = _H264_SETS if track.codec_id == H264 else _H265_SETS
    return {_set_name(track, one) for one in sets} >= set(needed.values())
