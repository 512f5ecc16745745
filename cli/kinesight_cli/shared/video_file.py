"""Reads a video file as KVS fragments: encoded frames grouped at keyframes.

H.264 and H.265 are remuxed if they are shown upright and their keyframes allow fragments within KVS's limits; anything
else is transcoded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import median

import av
from av.container import InputContainer
from av.video.stream import VideoStream
from kinesight.media.mkv import Track

from kinesight_cli.shared.display import Display, pixel_aspect
from kinesight_cli.shared.errors import CommandError

MINIMUM_FRAGMENT_MS = 1_000
MAXIMUM_FRAGMENT_MS = 20_000
"""KVS accepts fragments of 1 to 20 seconds (service quotas)."""

REMUXED = {"h264": "V_MPEG4/ISO/AVC", "hevc": "V_MPEGH/ISO/HEVC"}
"""Codec ids of Matroska by FFmpeg's codec names: what KVS generates images of."""

_LEAST_PAUSE_MS = 1_000
_PAUSE_FRAMES = 5
"""A recording pauses where its frames are more than this time, and this multiple of their usual interval, apart: a
camera that records motion only, not one that takes an image per minute."""

_ASSUMED_RATE = Fraction(25)
_MOST_RATE = 240


class UnusableVideoError(CommandError):
    """The file cannot be played into a stream."""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A frame, in decode order; `at_ms` is its presentation time from the start of the file."""

    at_ms: Fraction
    keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class SourceFragment:
    """Frames from a keyframe up to the next fragment's; `length_ms` reaches to the start of the next fragment, or
    before a pause of the recording to the end of the last frame."""

    frames: tuple[EncodedFrame, ...]
    length_ms: Fraction

    @property
    def start_ms(self) -> Fraction:
        return min(frame.at_ms for frame in self.frames)


@dataclass(frozen=True, slots=True)
class SourceVideo:
    """A video file, ready to send. `note` is what its user should know of it, if anything."""

    track: Track
    fragments: tuple[SourceFragment, ...]
    transcoded: bool
    note: str = ""

    @property
    def length_ms(self) -> Fraction:
        return self.fragments[-1].start_ms + self.fragments[-1].length_ms - self.fragments[0].start_ms


def read_video(path: Path, *, fragment_ms: int = 2_000) -> SourceVideo:
    """Returns the fragments of a file. A fragment ends at the first keyframe after `fragment_ms`.

    Raises UnusableVideoError.
    """
    with _opened(str(path)) as container:
        stream = _video_stream(container, path)
        if stream.codec_context.name in REMUXED and Display.of(stream).is_upright:
            video = _remuxed(container, stream, fragment_ms)
            if video is not None:
                return video
    with _opened(str(path)) as container:
        transcoded, note = _transcode(container, _video_stream(container, path), fragment_ms)
    if not transcoded.getbuffer():
        raise UnusableVideoError(f"{path} has no frame that can be decoded")
    with _opened(transcoded) as container:
        video = _remuxed(container, container.streams.video[0], fragment_ms)
    if video is None:
        raise UnusableVideoError(
            f"{path} cannot be split into fragments of 1 to 20 seconds: pass another --fragment-ms"
        )
    return replace(video, transcoded=True, note=note)


@contextmanager
def _opened(source: str | BytesIO) -> Iterator[InputContainer]:
    try:
        with av.open(source, "r") as container:
            yield container
    except (av.FFmpegError, OSError) as error:
        raise UnusableVideoError(f"{source if isinstance(source, str) else 'the transcoded video'}: {error}") from error


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise UnusableVideoError(f"{path} has no video track")
    return container.streams.video[0]


def _remuxed(container: InputContainer, stream: VideoStream, fragment_ms: int) -> SourceVideo | None:
    """Returns None if the keyframes of the file do not allow fragments that KVS accepts."""
    private = bytes(stream.codec_context.extradata or b"")
    if private[:1] != b"\x01":
        return None  # Annex B: it has no avcC or hvcC, which consumers need
    frames = _frames(container, stream)
    if not frames or not frames[0].keyframe:
        return None
    fragments = _grouped(frames, fragment_ms)
    if not all(_acceptable(fragments, index) for index in range(len(fragments))):
        return None
    context = stream.codec_context
    track = Track(1, "video", REMUXED[context.name], private, "camera", context.width, context.height)
    track = replace(track, pixel_aspect=pixel_aspect(stream))
    return SourceVideo(track, fragments, transcoded=False)


def _frames(container: InputContainer, stream: VideoStream) -> list[EncodedFrame]:
    found = [
        EncodedFrame(Fraction(packet.pts) * packet.time_base * 1000, packet.is_keyframe, bytes(packet))
        for packet in container.demux(stream)
        if packet.pts is not None and packet.size
    ]
    first_ms = min((frame.at_ms for frame in found), default=Fraction(0))
    return [EncodedFrame(frame.at_ms - first_ms, frame.keyframe, frame.data) for frame in found]


def _grouped(frames: list[EncodedFrame], fragment_ms: int) -> tuple[SourceFragment, ...]:
    """Begins fragments at keyframes that are due, and after pauses."""
    frames = _without_leading(frames)
    usual_ms = _usual_interval_ms(frames)
    groups: list[list[EncodedFrame]] = []
    last_ms = frames[0].at_ms
    for frame, starts_closed_gop in zip(frames, _closed(frames), strict=True):
        paused = _is_pause(frame.at_ms - last_ms, usual_ms)
        due = not groups or frame.at_ms - groups[-1][0].at_ms >= max(fragment_ms - 1, MINIMUM_FRAGMENT_MS)
        if starts_closed_gop and (due or paused):
            groups.append([])
        groups[-1].append(frame)
        last_ms = max(last_ms, frame.at_ms)
    return _fragments(groups, usual_ms)


def _without_leading(frames: list[EncodedFrame]) -> list[EncodedFrame]:
    """Leaves out frames that are shown before the first keyframe (open GOP): they refer to frames before the video."""
    rest = next((index for index, frame in enumerate(frames) if index and frame.keyframe), len(frames))
    return [frame for frame in frames[:rest] if frame.at_ms >= frames[0].at_ms] + frames[rest:]


def _closed(frames: list[EncodedFrame]) -> list[bool]:
    """Returns which frames are keyframes that no later frame is shown before. Cut at another keyframe, the frames that
    are shown before it could not be decoded."""
    least_after = list(accumulate(reversed([frame.at_ms for frame in frames]), min))[::-1]
    return [frame.keyframe and frame.at_ms <= least for frame, least in zip(frames, least_after, strict=True)]


def _usual_interval_ms(frames: list[EncodedFrame]) -> Fraction:
    """Returns the median time between frames; of a single one, 40 ms."""
    times = sorted(frame.at_ms for frame in frames)
    return median([after - before for before, after in pairwise(times)] or [1000 / _ASSUMED_RATE])


def _is_pause(interval_ms: Fraction, usual_ms: Fraction) -> bool:
    return interval_ms > _LEAST_PAUSE_MS and interval_ms > _PAUSE_FRAMES * usual_ms


def _fragments(groups: list[list[EncodedFrame]], usual_ms: Fraction) -> tuple[SourceFragment, ...]:
    """Joins a short group to the one before it, unless there is a pause between them."""
    joined: list[list[EncodedFrame]] = []
    for group in groups:
        is_short = _span_ms(group, usual_ms) < MINIMUM_FRAGMENT_MS
        if joined and is_short and not _is_pause(_interval_ms(joined[-1], group), usual_ms):
            joined[-1] = joined[-1] + group
        else:
            joined.append(group)
    return tuple(
        SourceFragment(tuple(group), _length_ms(group, following, usual_ms))
        for group, following in zip(joined, [*joined[1:], None], strict=True)
    )


def _interval_ms(group: list[EncodedFrame], following: list[EncodedFrame]) -> Fraction:
    return following[0].at_ms - max(frame.at_ms for frame in group)


def _length_ms(group: list[EncodedFrame], following: list[EncodedFrame] | None, usual_ms: Fraction) -> Fraction:
    if following is None or _is_pause(_interval_ms(group, following), usual_ms):
        return _span_ms(group, usual_ms)
    return following[0].at_ms - group[0].at_ms


def _span_ms(group: list[EncodedFrame], usual_ms: Fraction) -> Fraction:
    """Returns the length of a group; the last frame is taken to last as long as the average one."""
    times = [frame.at_ms for frame in group]
    if len(times) == 1:
        return usual_ms
    return (max(times) - min(times)) * Fraction(len(group), len(group) - 1)


def _acceptable(fragments: tuple[SourceFragment, ...], index: int) -> bool:
    """Returns whether it is short enough, and begins after the previous one ends."""
    fragment = fragments[index]
    if fragment.length_ms > MAXIMUM_FRAGMENT_MS:
        return False
    return index == 0 or fragment.start_ms > max(frame.at_ms for frame in fragments[index - 1].frames)


def _transcode(container: InputContainer, stream: VideoStream, fragment_ms: int) -> tuple[BytesIO, str]:
    """Returns H.264 in Matroska, and a note: upright, square pixels, a keyframe at the start of each fragment, even
    sides, timestamps of the source."""
    target, display, note = BytesIO(), Display.of(stream), ""
    with av.open(target, "w", format="matroska") as sink:
        rate = stream.average_rate or _ASSUMED_RATE
        output = sink.add_stream("libx264", rate=rate, options={"preset": "veryfast", "forced-idr": "1", "bf": "0"})
        output.width, output.height = display.shown_size
        output.pix_fmt = "yuv420p"
        output.codec_context.time_base = Fraction(1, 1000)
        output.codec_context.gop_size = 10_000
        next_key_ms, last_ms = Fraction(0), Fraction(-1)
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                rate, note = _own_rate(stream)
                at_ms = last_ms + 1000 / rate if last_ms >= 0 else Fraction(0)
            else:
                at_ms = Fraction(frame.pts) * frame.time_base * 1000
            last_ms = max(at_ms, last_ms + 1)
            shown = display.shown(frame)
            shown.pts, shown.time_base = round(last_ms), Fraction(1, 1000)
            shown.pict_type = av.video.frame.PictureType.NONE
            if last_ms >= next_key_ms:
                shown.pict_type = av.video.frame.PictureType.I
                next_key_ms = last_ms + fragment_ms
            sink.mux(output.encode(shown))
        if last_ms >= 0:
            sink.mux(output.encode())
    target.seek(0)
    return target, note


def _own_rate(stream: VideoStream) -> tuple[Fraction, str]:
    """Returns the frame rate that an elementary stream declares, and a note if it declares none."""
    found = stream.codec_context.framerate
    if found and found.denominator and 0 < found.numerator <= _MOST_RATE * found.denominator:
        return Fraction(found.numerator, found.denominator), ""
    return (
        _ASSUMED_RATE,
        f"the video has neither timestamps nor a frame rate: {_ASSUMED_RATE} frames per second assumed",
    )
