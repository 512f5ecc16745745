"""Reads a video file as KVS fragments: encoded frames grouped at keyframes.

H.264 and H.265 are remuxed if their keyframes allow fragments within KVS's limits; anything else is transcoded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream
from kinesight.media.mkv import Track

from kinesight_cli.shared.errors import CommandError

MINIMUM_FRAGMENT_MS = 1_000
MAXIMUM_FRAGMENT_MS = 20_000
"""KVS accepts fragments of 1 to 20 seconds (service quotas)."""

REMUXED = {"h264": "V_MPEG4/ISO/AVC", "hevc": "V_MPEGH/ISO/HEVC"}
"""Codec ids of Matroska by FFmpeg's codec names: what KVS generates images of."""


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
    """Frames from a keyframe up to the next fragment's; `length_ms` reaches to the start of the next fragment."""

    frames: tuple[EncodedFrame, ...]
    length_ms: Fraction

    @property
    def start_ms(self) -> Fraction:
        return min(frame.at_ms for frame in self.frames)


@dataclass(frozen=True, slots=True)
class SourceVideo:
    """A video file, ready to send."""

    track: Track
    fragments: tuple[SourceFragment, ...]
    transcoded: bool

    @property
    def length_ms(self) -> Fraction:
        return self.fragments[-1].start_ms + self.fragments[-1].length_ms - self.fragments[0].start_ms


def read_video(path: Path, *, fragment_ms: int = 2_000) -> SourceVideo:
    """Returns the fragments of a file. A fragment ends at the first keyframe after `fragment_ms`.

    Raises UnusableVideoError.
    """
    with _opened(str(path)) as container:
        stream = _video_stream(container, path)
        if stream.codec_context.name in REMUXED:
            video = _remuxed(container, stream, fragment_ms)
            if video is not None:
                return video
    with _opened(str(path)) as container:
        transcoded = _transcode(container, _video_stream(container, path), fragment_ms)
    with _opened(transcoded) as container:
        video = _remuxed(container, container.streams.video[0], fragment_ms)
    if video is None:
        raise UnusableVideoError(
            f"{path} cannot be split into fragments of 1 to 20 seconds: pass another --fragment-ms"
        )
    return SourceVideo(video.track, video.fragments, transcoded=True)


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
    codec_id = REMUXED[stream.codec_context.name]
    track = Track(1, "video", codec_id, private, "camera", stream.codec_context.width, stream.codec_context.height)
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
    groups: list[list[EncodedFrame]] = []
    for frame in frames:
        due = not groups or frame.at_ms - groups[-1][0].at_ms >= max(fragment_ms - 1, MINIMUM_FRAGMENT_MS)
        if due and frame.keyframe:
            groups.append([])
        groups[-1].append(frame)
    last = groups[-1]
    if len(groups) > 1 and _span_ms(last) < MINIMUM_FRAGMENT_MS:
        groups[-2:] = [groups[-2] + last]
    starts = [min(frame.at_ms for frame in group) for group in groups]
    ends = [*starts[1:], starts[-1] + _span_ms(groups[-1])]
    return tuple(
        SourceFragment(tuple(group), end - start) for group, start, end in zip(groups, starts, ends, strict=True)
    )


def _span_ms(group: list[EncodedFrame]) -> Fraction:
    """Returns the length of a group; the last frame is taken to last as long as the average one."""
    times = [frame.at_ms for frame in group]
    return (max(times) - min(times)) * Fraction(len(group), max(1, len(group) - 1))


def _acceptable(fragments: tuple[SourceFragment, ...], index: int) -> bool:
    """Returns whether it is short enough, and begins after the previous one ends (it would not in an open GOP)."""
    fragment = fragments[index]
    if fragment.length_ms > MAXIMUM_FRAGMENT_MS:
        return False
    return index == 0 or fragment.start_ms > max(frame.at_ms for frame in fragments[index - 1].frames)


def _transcode(container: InputContainer, stream: VideoStream, fragment_ms: int) -> BytesIO:
    """Returns H.264 in Matroska: a keyframe at the start of each fragment, even sides, timestamps of the source."""
    target = BytesIO()
    with av.open(target, "w", format="matroska") as sink:
        rate = stream.average_rate or Fraction(25)
        output = sink.add_stream("libx264", rate=rate, options={"preset": "veryfast", "forced-idr": "1", "bf": "0"})
        output.width = stream.codec_context.width // 2 * 2
        output.height = stream.codec_context.height // 2 * 2
        output.pix_fmt = "yuv420p"
        output.codec_context.time_base = Fraction(1, 1000)
        output.codec_context.gop_size = 10_000
        next_key_ms, last_ms = Fraction(0), -1
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            at_ms = Fraction(frame.pts) * frame.time_base * 1000
            scaled = frame.reformat(output.width, output.height, "yuv420p")
            scaled.pts, scaled.time_base = max(round(at_ms), last_ms + 1), Fraction(1, 1000)
            last_ms = scaled.pts
            scaled.pict_type = av.video.frame.PictureType.NONE
            if last_ms >= next_key_ms:
                scaled.pict_type = av.video.frame.PictureType.I
                next_key_ms = Fraction(last_ms + fragment_ms)
            sink.mux(output.encode(scaled))
        sink.mux(output.encode())
    target.seek(0)
    return target
