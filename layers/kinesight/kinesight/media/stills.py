"""Pictures out of stored video: the frames shown at given moments, decoded and encoded.

Needs PyAV and Pillow, which the rest of `kinesight.media` does without. Moments are milliseconds, exact.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import Any, Final, Literal, NamedTuple

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from kinesight.media.mkv_model import Track

CODECS: Final = {"V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc"}
"""Matroska's codec ids that can be decoded, and libavcodec's names for them."""

UndecodableError = av.FFmpegError
"""What `decoded` raises where the bitstream is broken."""


class UnsupportedCodecError(Exception):
    """The message names the codec."""


class EncodedFrame(NamedTuple):
    """One frame of a video track, as it was stored."""

    at_ms: Fraction
    data: bytes


@dataclass(frozen=True, slots=True)
class StillForm:
    """How a picture is written. Sides in pixels: both stretch, one keeps the aspect ratio, none the source's size."""

    format: Literal["JPEG", "PNG", "BMP", "GIF"] = "JPEG"
    quality: int = 80
    width: int | None = None
    height: int | None = None

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Of a picture whose source has these sides."""
        if self.width and self.height:
            return self.width, self.height
        if self.width:
            return self.width, max(1, round(height * self.width / width))
        if self.height:
            return max(1, round(width * self.height / height)), self.height
        return width, height


def shown_at(times_ms: Sequence[Fraction], moment_ms: Fraction | int) -> Fraction:
    """Which of these times, in ascending order, is on the screen: the last one until then, or else the first."""
    return times_ms[max(0, bisect_right(times_ms, moment_ms) - 1)]


def decoded(
    track: Track, frames: Sequence[EncodedFrame], wanted_ms: Collection[Fraction]
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """The frames of exactly these times. `frames` in decode order, first a keyframe; no more is decoded than needed.

    Raises UnsupportedCodecError, and UndecodableError after what could be decoded.
    """
    decoder = decoder_of(track)
    in_order = sorted(range(len(frames)), key=lambda index: frames[index].at_ms)
    rank_of = {index: rank for rank, index in enumerate(in_order)}
    missing = set(wanted_ms)
    for picture in _pictures(decoder, frames, rank_of) if missing else ():
        at_ms = frames[in_order[picture.pts]].at_ms if picture.pts is not None else None
        if at_ms in missing:
            missing.remove(at_ms)
            yield at_ms, picture
        if not missing:
            return


class StillEncoder:
    """Pictures as files, one after the other. Scaling and colour conversion are one pass, and Pillow reads its rows
    where they lie; what the conversion needs is set up once for pictures of one size."""

    def __init__(self, form: StillForm) -> None:
        self._form = form
        self._reformatter = VideoReformatter()

    def __call__(self, picture: VideoFrame) -> bytes:
        form = self._form
        width, height = form.size(picture.width, picture.height)
        plane = self._reformatter.reformat(picture, width, height, "rgb0", threads=1).planes[0]
        rows: Any = memoryview(plane)  # Pillow takes any buffer, though its types name a few
        image = Image.frombuffer("RGBX", (width, height), rows, "raw", "RGBX", plane.line_size, 1)
        target = BytesIO()
        if form.format == "JPEG":
            image.save(target, "JPEG", quality=form.quality)
        else:
            image.convert("RGB").save(target, form.format)
        return target.getvalue()


def decoder_of(track: Track) -> VideoCodecContext:
    """A decoder for the track's codec and private data. Raises UnsupportedCodecError."""
    if track.codec_id not in CODECS:
        raise UnsupportedCodecError(f"{track.codec_id or 'a track without a codec'}, not one of {', '.join(CODECS)}")
    decoder = av.CodecContext.create(CODECS[track.codec_id], "r")
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101 - only video codecs are named above
    decoder.extradata = track.codec_private
    return decoder


def _pictures(
    decoder: VideoCodecContext, frames: Sequence[EncodedFrame], rank_of: dict[int, int]
) -> Iterator[VideoFrame]:
    """With the frame's rank in time as its pts: B-frames are decoded before what they are shown after."""
    for index, frame in enumerate(frames):
        packet = av.Packet(frame.data)
        packet.pts = rank_of[index]
        yield from decoder.decode(packet)
    yield from decoder.decode(None)
