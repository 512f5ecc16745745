"""Extracts images from stored video: decodes and encodes the frames at given moments.

Needs PyAV and Pillow, which most of `kinesight.media` does not. Moments are exact milliseconds.
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
"""Supported codec ids of Matroska, and their names in libavcodec."""

UndecodableError = av.FFmpegError
"""Raised by `decoded` for a malformed bitstream."""


class UnsupportedCodecError(Exception):
    """Raised for a codec that cannot be decoded; the message names it."""


class EncodedFrame(NamedTuple):
    """An encoded frame of a video track."""

    at_ms: Fraction
    data: bytes


@dataclass(frozen=True, slots=True)
class StillForm:
    """Format of an image. Width and height in pixels: both stretch, one keeps the aspect ratio, none keeps the size."""

    format: Literal["JPEG", "PNG", "BMP", "GIF"] = "JPEG"
    quality: int = 80
    width: int | None = None
    height: int | None = None

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Returns the size of an image whose source has this size."""
        if self.width and self.height:
            return self.width, self.height
        if self.width:
            return self.width, max(1, round(height * self.width / width))
        if self.height:
            return max(1, round(width * self.height / height)), self.height
        return width, height


def shown_at(times_ms: Sequence[Fraction], moment_ms: Fraction | int) -> Fraction:
    """Returns the time of the frame shown at a moment: the last of these sorted times until then, or else the first."""
    return times_ms[max(0, bisect_right(times_ms, moment_ms) - 1)]


def decoded(
    track: Track, frames: Sequence[EncodedFrame], moments_ms: Collection[Fraction]
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Yields the frames of exactly these times. `frames` is in decoding order and starts with a keyframe; decoding
    stops after the last requested frame.

    Raises UnsupportedCodecError, and UndecodableError after yielding the frames that could be decoded.
    """
    decoder = decoder_of(track)
    in_order = sorted(range(len(frames)), key=lambda index: frames[index].at_ms)
    rank_of = {index: rank for rank, index in enumerate(in_order)}
    missing = set(moments_ms)
    for image in _images(decoder, frames, rank_of) if missing else ():
        at_ms = frames[in_order[image.pts]].at_ms if image.pts is not None else None
        if at_ms in missing:
            missing.remove(at_ms)
            yield at_ms, image
        if not missing:
            return


class StillEncoder:
    """Encodes images. Scaling and colour conversion are one pass, whose rows Pillow reads without copying; the
    conversion is set up once for images of the same size."""

    def __init__(self, form: StillForm) -> None:
        self._form = form
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> bytes:
        form = self._form
        width, height = form.size(frame.width, frame.height)
        plane = self._reformatter.reformat(frame, width, height, "rgb0", threads=1).planes[0]
        rows: Any = memoryview(plane)  # Pillow takes any buffer, though its types name a few
        image = Image.frombuffer("RGBX", (width, height), rows, "raw", "RGBX", plane.line_size, 1)
        target = BytesIO()
        if form.format == "JPEG":
            image.save(target, "JPEG", quality=form.quality)
        else:
            image.convert("RGB").save(target, form.format)
        return target.getvalue()


def decoder_of(track: Track) -> VideoCodecContext:
    """Returns a decoder for the track's codec and private data. Raises UnsupportedCodecError."""
    if track.codec_id not in CODECS:
        raise UnsupportedCodecError(f"{track.codec_id or 'a track without a codec'}, not one of {', '.join(CODECS)}")
    decoder = av.CodecContext.create(CODECS[track.codec_id], "r")
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101 - only video codecs are named above
    decoder.extradata = track.codec_private
    return decoder


def _images(
    decoder: VideoCodecContext, frames: Sequence[EncodedFrame], rank_of: dict[int, int]
) -> Iterator[VideoFrame]:
    """Yields decoded frames whose pts is their rank in time, because B-frames are decoded out of order."""
    for index, frame in enumerate(frames):
        packet = av.Packet(frame.data)
        packet.pts = rank_of[index]
        yield from decoder.decode(packet)
    yield from decoder.decode(None)
