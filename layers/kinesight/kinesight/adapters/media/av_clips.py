"""ClipMaker on PyAV: remuxes fragments into an MP4 with its index at the front."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import av
from av.stream import Stream

from kinesight.domain.errors import NoMediaError
from kinesight.domain.viewer.playback import ClipPart
from kinesight.media.fragments import MediaFragment, VideoFrame, read_fragments
from kinesight.media.mkv import MkvError, Track
from kinesight.media.mp4_times import LEAST_STEP, TICKS_PER_SECOND, frame_times

_PLAYABLE: Final = {"video": ("V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC"), "audio": ("A_AAC",)}
_INDEX_FIRST = {"movflags": "+faststart"}
_HEADER_ONLY = {"probesize": "32", "analyzeduration": "0"}
_TICKS_PER_MS = TICKS_PER_SECOND // 1000


class AvClips:
    """Remuxes the first video track that browsers can play, and AAC audio."""

    def remux(self, parts: Iterable[ClipPart], target: Path) -> int:
        """Skips parts that cannot be read."""
        taken = 0
        writer: _Mp4Writer | None = None
        try:
            for part in parts:
                fragment = _read(part.matroska)
                if fragment is None:
                    continue
                writer = writer or _Mp4Writer(target, fragment)
                if not writer.accepts(fragment):
                    break
                writer.add(fragment, part.length_ms)
                taken += 1
            if writer is not None:
                writer.close()
        except av.FFmpegError as error:
            raise NoMediaError(f"cannot remux the archived fragments to MP4: {error}") from error
        if writer is None:
            raise NoMediaError("cannot read any archived fragment")
        return taken


class _Mp4Writer:
    """An open MP4. Raises NoMediaError if browsers cannot play the fragment or FFmpeg cannot read its tracks."""

    def __init__(self, target: Path, first: MediaFragment) -> None:
        self._form = _form(first.tracks)
        self._begin = Fraction(0)
        self._latest: dict[int, int] = {}
        playable = _playable(first.tracks)
        with av.open(BytesIO(first.raw), format="matroska", options=_HEADER_ONLY) as source:
            if len(source.streams) != len(first.tracks):
                raise NoMediaError("the archived fragments have tracks that cannot be read")
            self._container = av.open(str(target), "w", format="mp4", options=_INDEX_FIRST)
            self._streams: dict[int, Stream] = {}
            for track, template in zip(first.tracks, source.streams, strict=True):
                if track in playable:
                    stream = self._container.add_stream_from_template(template)
                    stream.time_base = Fraction(1, TICKS_PER_SECOND)
                    self._streams[track.number] = stream

    def accepts(self, fragment: MediaFragment) -> bool:
        """Whether the fragment has the MP4's codec settings: an MP4 has one set per track."""
        return _form(fragment.tracks) == self._form

    def add(self, fragment: MediaFragment, length_ms: int | None) -> None:
        """Appends a fragment at the end of the previous one. `length_ms` overrides its own length."""
        frames = fragment.frames
        start_ms = min((one.timecode_ms for one in frames), default=Fraction(0))
        packets = [one for number in self._streams for one in self._packets(number, frames, start_ms)]
        for packet in sorted(packets, key=lambda one: one.dts or 0):
            self._container.mux_one(packet)
        ends = [(packet.pts or 0) + (packet.duration or 0) for packet in packets]
        lasted = Fraction(max(ends, default=0)) - self._begin
        self._begin += length_ms * _TICKS_PER_MS if length_ms else lasted

    def close(self) -> None:
        """Writes the index."""
        self._container.close()

    def _packets(self, number: int, frames: Sequence[VideoFrame], start_ms: Fraction) -> Iterator[av.Packet[Any]]:
        own = [one for one in frames if one.track_number == number]
        shown = [round(self._begin + (one.timecode_ms - start_ms) * _TICKS_PER_MS) for one in own]
        for frame, times in zip(own, frame_times(shown), strict=True):
            dts = max(times.dts, self._latest.get(number, times.dts - LEAST_STEP) + LEAST_STEP)
            self._latest[number] = dts
            packet = av.Packet(frame.data)
            packet.dts, packet.pts, packet.duration = dts, max(times.pts, dts), times.duration
            packet.time_base = Fraction(1, TICKS_PER_SECOND)
            packet.is_keyframe = frame.keyframe
            packet.stream = self._streams[number]
            yield packet


def _read(matroska: bytes) -> MediaFragment | None:
    try:
        return next((one for one in read_fragments([matroska]) if isinstance(one, MediaFragment)), None)
    except MkvError:
        return None


def _playable(tracks: Sequence[Track]) -> list[Track]:
    """Returns one video track and all audio tracks. Raises NoMediaError without video."""
    able = [one for one in tracks if one.codec_id in _PLAYABLE.get(one.kind, ()) and one.codec_private]
    video = [one for one in able if one.kind == "video"][:1]
    if not video:
        codecs = ", ".join(one.codec_id for one in tracks) or "no video"
        raise NoMediaError(f"browsers cannot play the archived codecs ({codecs}); download the fragments instead")
    return video + [one for one in able if one.kind == "audio"]


def _form(tracks: Sequence[Track]) -> Mapping[int, Any]:
    return {one.number: (one.codec_id, one.codec_private) for one in tracks}
