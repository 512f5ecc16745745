"""Remuxes fragments into MP4 and MPEG-TS with FFmpeg's libraries, without re-encoding.

All fragments of one output must have the same tracks with the same codec private data.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import Any, Literal

import av
from av.container import OutputContainer
from av.stream import Stream as AvStream
from kinesight.media.mkv import Track
from kinesight.media.mp4_times import LEAST_STEP, TICKS_PER_SECOND, frame_times

from kinesight_local.kvs.exceptions import (
    InvalidCodecPrivateDataError,
    MissingCodecPrivateDataError,
    ResourceNotFoundError,
    UnsupportedStreamMediaTypeError,
)
from kinesight_local.kvs.media.fragment import Block, IngestedFragment
from kinesight_local.kvs.media.mp4_boxes import split

TIMESCALE = TICKS_PER_SECOND
"""Packet time units per second."""

_VIDEO = {"V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc"}
_AUDIO = {"A_AAC": "aac"}
_FRAGMENTED = {"movflags": "frag_custom+empty_moov+default_base_moof+skip_trailer"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A fragment and its start in the output, in milliseconds."""

    fragment: IngestedFragment
    start_ms: Fraction


@dataclass(frozen=True, slots=True)
class _Sample:
    track_number: int
    dts: int
    pts: int
    duration: int
    keyframe: bool
    data: bytes


def check_playable(tracks: Sequence[Track]) -> None:
    """Requires H.264 or H.265 as track 1, and no other codec but AAC. Raises the errors of GetClip and HLS sessions."""
    video = next((track for track in tracks if track.number == 1), None)
    if video is None or video.codec_id not in _VIDEO:
        codec_id = video.codec_id if video is not None else "missing"
        raise UnsupportedStreamMediaTypeError(f"Track 1 is {codec_id}; it must be one of {', '.join(_VIDEO)}.")
    for track in tracks:
        if track.codec_id not in _VIDEO | _AUDIO:
            raise UnsupportedStreamMediaTypeError(f"Track {track.number} is {track.codec_id}, which cannot be played.")
        if not track.codec_private:
            raise MissingCodecPrivateDataError(f"Track {track.number} has no codec private data.")


def same_tracks(one: Sequence[Track], other: Sequence[Track]) -> bool:
    """Whether fragments with these tracks fit into one output."""
    return [(track.number, track.codec_id, track.codec_private) for track in one] == [
        (track.number, track.codec_id, track.codec_private) for track in other
    ]


def write_mp4(path: str, fragments: Iterable[Placed]) -> None:
    """Writes an MP4 with the index in front. Raises like check_playable, and ResourceNotFoundError without media."""
    _write(path, "mp4", {"movflags": "faststart"}, fragments)


def mpeg_ts(placed: Placed) -> bytes:
    """A transport stream of one fragment."""
    target = BytesIO()
    _write(target, "mpegts", {}, [placed])
    return target.getvalue()


def fragmented_mp4(fragment: IngestedFragment) -> tuple[bytes, bytes]:
    """(initialization segment, media segment); the latter starts at 0, see mp4_boxes.moved."""
    target = BytesIO()
    _write(target, "mp4", _FRAGMENTED, [Placed(fragment, Fraction(0))])
    return split(target.getvalue())


def _write(target: Any, container: str, options: Mapping[str, str], fragments: Iterable[Placed]) -> None:
    placed = iter(fragments)
    first = next(placed, None)
    if first is None:
        raise ResourceNotFoundError("The media of the range has expired.")
    tracks = first.fragment.tracks
    check_playable(tracks)
    with _templates(first.fragment) as source, av.open(target, "w", format=container, options=dict(options)) as output:
        streams = _streams(output, tracks, source)
        latest: dict[int, int] = {}
        _mux(output, streams, first, latest)
        for one in placed:
            _mux(output, streams, one, latest)


def _templates(fragment: IngestedFragment) -> Any:
    """FFmpeg's representation of the tracks, from the header only, without probing."""
    try:
        return av.open(
            BytesIO(fragment.header + fragment.cluster),
            format="matroska",
            options={"probesize": "32", "analyzeduration": "0"},
        )
    except av.FFmpegError as error:
        raise InvalidCodecPrivateDataError(f"The tracks cannot be read: {error}.") from error


def _streams(output: OutputContainer, tracks: Sequence[Track], source: Any) -> dict[int, AvStream]:
    if len(source.streams) != len(tracks):
        raise UnsupportedStreamMediaTypeError("Not every track is supported.")
    streams: dict[int, AvStream] = {}
    for track, template in zip(tracks, source.streams, strict=True):
        try:
            streams[track.number] = output.add_stream_from_template(template)
        except (av.FFmpegError, ValueError) as error:
            raise InvalidCodecPrivateDataError(f"Track {track.number}: {error}.") from error
        streams[track.number].time_base = Fraction(1, TIMESCALE)
    return streams


def _mux(output: OutputContainer, streams: Mapping[int, AvStream], placed: Placed, latest: dict[int, int]) -> None:
    samples = [one for number in streams for one in _samples(placed, number)]
    for sample in sorted(samples, key=lambda one: one.dts):
        packet = av.Packet(sample.data)
        dts = max(sample.dts, latest.get(sample.track_number, sample.dts - LEAST_STEP) + LEAST_STEP)
        latest[sample.track_number] = dts
        packet.dts, packet.pts, packet.duration = dts, max(sample.pts, dts), sample.duration
        packet.time_base = Fraction(1, TIMESCALE)
        packet.is_keyframe = sample.keyframe
        packet.stream = streams[sample.track_number]
        output.mux_one(packet)


def _samples(placed: Placed, track_number: int) -> Iterator[_Sample]:
    """Samples of one track in decoding order."""
    blocks = [block for block in placed.fragment.blocks if block.track_number == track_number]
    shown = [_ticks(placed.start_ms + block.offset_ms) for block in blocks]
    for block, times in zip(blocks, frame_times(shown), strict=True):
        yield _Sample(track_number, times.dts, times.pts, times.duration, block.keyframe, block.data)


def _ticks(milliseconds: Fraction) -> int:
    return round(milliseconds * TIMESCALE / 1000)


def codecs(tracks: Sequence[Track]) -> str:
    """The CODECS attribute of a playlist (RFC 6381)."""
    return ",".join(_codec(track) for track in tracks)


def _codec(track: Track) -> str:
    private = track.codec_private
    if track.codec_id == "V_MPEG4/ISO/AVC":
        return f"avc1.{private[1:4].hex()}"
    if track.codec_id == "V_MPEGH/ISO/HEVC":
        return _hevc(private)
    return f"mp4a.40.{private[0] >> 3}"


def _hevc(private: bytes) -> str:
    """ISO/IEC 14496-15, annex E: profile, compatibility flags in reverse bit order, tier and level, constraints."""
    space = ("", "A", "B", "C")[private[1] >> 6]
    tier: Literal["L", "H"] = "H" if private[1] & 0x20 else "L"
    compatibility = int(f"{int.from_bytes(private[2:6]):032b}"[::-1], 2)
    constraints = private[6:12].rstrip(b"\0")
    parts = [f"hvc1.{space}{private[1] & 0x1F}", f"{compatibility:X}", f"{tier}{private[12]}"]
    return ".".join([*parts, *(f"{one:X}" for one in constraints)])


def frame_rate(blocks: Sequence[Block]) -> float:
    """Frames per second of track 1; 0 if unknown."""
    times = sorted(block.offset_ms for block in blocks if block.track_number == 1)
    span_ms = times[-1] - times[0] if times else Fraction(0)
    return float(1000 * (len(times) - 1) / span_ms) if span_ms else 0.0
