"""ClipMaker on PyAV: remuxes fragments into an MP4 with its index at the front."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import av
from av.stream import Stream

from kinesight.domain.errors import NoMediaError
from kinesight.domain.viewer.playback import ClipPart
from kinesight.media import mkv_write as write
from kinesight.media.fragments import MediaFragment, VideoFrame, read_fragments
from kinesight.media.mkv import MkvError, Track
from kinesight.media.mp4_times import LEAST_STEP, TICKS_PER_SECOND, frame_times
from kinesight.media.nal_units import H264, H265, NalForm, playable

_PLAYABLE: Final = {"video": (H264, H265), "audio": ("A_AAC",)}
_INDEX_FIRST = {"movflags": "+faststart"}
_HEADER_ONLY = {"probesize": "32", "analyzeduration": "0"}
_HVC1 = "hvc1"
"""Sample entry of H.265 with all parameter sets in it, the only one that Safari plays."""
_TICKS_PER_MS = TICKS_PER_SECOND // 1000


class AvClips:
    """Remuxes the first video track that browsers can play, and AAC audio."""

    def remux(self, parts: Iterable[ClipPart], target: Path) -> int:
        """Skips parts that cannot be read. Writes each frame after its length, as players need it, also if the producer
        sent start codes."""
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


@dataclass(frozen=True, slots=True)
class _Playable:
    """A track with the private data that a player needs. `form` is that of its frames, None of audio."""

    track: Track
    form: NalForm | None = None

    def data(self, frame: VideoFrame) -> bytes:
        return frame.data if self.form is None else self.form.of_frame(frame.data)


class _Mp4Writer:
    """An open MP4. Raises NoMediaError if browsers cannot play the fragment or FFmpeg cannot read its tracks."""

    def __init__(self, target: Path, first: MediaFragment) -> None:
        self._tracks = _playable(first)
        self._begin = Fraction(0)
        self._latest: dict[int, int] = {}
        with av.open(BytesIO(_header(self._tracks)), format="matroska", options=_HEADER_ONLY) as source:
            if len(source.streams) != len(self._tracks):
                raise NoMediaError("the archived fragments have tracks that cannot be read")
            self._container = av.open(str(target), "w", format="mp4", options=_INDEX_FIRST)
            self._streams: dict[int, Stream] = {}
            for one, template in zip(self._tracks, source.streams, strict=True):
                stream = self._container.add_stream_from_template(template)
                stream.time_base = Fraction(1, TICKS_PER_SECOND)
                if one.track.codec_id == H265:
                    stream.codec_context.codec_tag = _HVC1
                self._streams[one.track.number] = stream

    def accepts(self, fragment: MediaFragment) -> bool:
        """Whether the fragment has the MP4's codec settings: an MP4 has one set per track."""
        try:
            return _playable(fragment) == self._tracks
        except NoMediaError:
            return False

    def add(self, fragment: MediaFragment, length_ms: int | None) -> None:
        """Appends a fragment at the end of the previous one. `length_ms` overrides its own length."""
        frames = [one for one in fragment.frames if one.data]
        start_ms = min((one.timecode_ms for one in frames), default=Fraction(0))
        packets = [packet for one in self._tracks for packet in self._packets(one, frames, start_ms)]
        for packet in sorted(packets, key=lambda one: one.dts or 0):
            self._container.mux_one(packet)
        ends = [(packet.pts or 0) + (packet.duration or 0) for packet in packets]
        lasted = Fraction(max(ends, default=0)) - self._begin
        self._begin += length_ms * _TICKS_PER_MS if length_ms else lasted

    def close(self) -> None:
        """Writes the index."""
        self._container.close()

    def _packets(self, one: _Playable, frames: Sequence[VideoFrame], start_ms: Fraction) -> Iterator[av.Packet[Any]]:
        number = one.track.number
        own = [frame for frame in frames if frame.track_number == number]
        shown = [round(self._begin + (frame.timecode_ms - start_ms) * _TICKS_PER_MS) for frame in own]
        for frame, times in zip(own, frame_times(shown), strict=True):
            dts = max(times.dts, self._latest.get(number, times.dts - LEAST_STEP) + LEAST_STEP)
            self._latest[number] = dts
            packet = av.Packet(one.data(frame))
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


def _playable(fragment: MediaFragment) -> list[_Playable]:
    """Returns one video track and all audio tracks. Raises NoMediaError without video."""
    able = [one for one in fragment.tracks if one.codec_id in _PLAYABLE.get(one.kind, ())]
    video = next((one for one in able if one.kind == "video"), None)
    if video is None:
        codecs = ", ".join(one.codec_id for one in fragment.tracks) or "no video"
        raise NoMediaError(f"browsers cannot play the archived codecs ({codecs}); download the fragments instead")
    audio = [_Playable(one) for one in able if one.kind == "audio" and one.codec_private]
    return [_playable_video(video, fragment), *audio]


def _playable_video(track: Track, fragment: MediaFragment) -> _Playable:
    frames = (one for one in fragment.keyframes if one.track_number == track.number and one.data)
    first = next(frames, None)
    form = None if first is None else playable(track, first.data)
    if form is None:
        raise NoMediaError(
            "the archived video has no parameter sets (SPS, PPS), without which browsers cannot play it: configure the "
            "camera or encoder to send them as codec private data, or to repeat them at each keyframe"
        )
    return _Playable(replace(track, codec_private=form.private), form)


def _header(tracks: Sequence[_Playable]) -> bytes:
    """Returns a Matroska header, from which FFmpeg makes the MP4's. It converts start codes, in private data and in
    frames."""
    head = write.ebml_header() + write.segment_start() + write.info() + write.tracks([one.track for one in tracks])
    return head + write.cluster(0, [])
