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
from kinesight.media.nal_units import H264, H265, NalForm

CODECS: Final = {H264: "h264", H265: "hevc"}
"""Supported codec ids of Matroska, and their names in libavcodec."""

LARGEST_PIXELS: Final = 2 * 3840 * 2160
"""Default limit of a decoded frame: twice the largest image that KVS generates."""

NEAREST_MS: Final = 1_000
"""How far from its moment a frame may be that replaces one that cannot be decoded."""

_SQUARE: Final = Fraction(1)
_MOST_STRETCHED: Final = 3
"""Pixels of analog and anamorphic video are up to 2.2 times as wide as high, or as high as wide. Other ratios are
invalid, and would enlarge an image beyond the limit."""

_ROW_PIXELS: Final = 64
"""libavcodec pads rows to a multiple of these before it compares a frame with the limit."""

UndecodableError = av.FFmpegError
"""Raised for a malformed bitstream."""


class UnsupportedCodecError(Exception):
    """Raised for a codec that cannot be decoded; the message names it."""


class FrameTooLargeError(Exception):
    """Raised for a frame that exceeds the limit; the message has its size in pixels. It has not been decoded."""


class EncodedFrame(NamedTuple):
    """An encoded frame of a video track."""

    at_ms: Fraction
    keyframe: bool
    data: bytes


class DecodedFrame(NamedTuple):
    """A decoded frame; `pixel_aspect` is the width of a pixel by its height."""

    frame: VideoFrame
    pixel_aspect: Fraction = _SQUARE

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height in square pixels. One side is stretched, so that no detail is lost."""
        width, height = self.frame.width, self.frame.height
        if self.pixel_aspect is _SQUARE:
            return width, height
        if self.pixel_aspect >= 1:
            return round(width * self.pixel_aspect), height
        return width, round(height / self.pixel_aspect)


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
    track: Track,
    frames: Sequence[EncodedFrame],
    moments_ms: Collection[Fraction],
    *,
    largest_pixels: int = LARGEST_PIXELS,
) -> Iterator[tuple[Fraction, DecodedFrame]]:
    """Yields (moment, frame) for the frames of these times. `frames` is in decoding order and starts with a keyframe;
    decoding stops after the last requested frame.

    The nearest decodable frame replaces one that cannot be decoded, if it is at most NEAREST_MS away: frames after the
    first keyframe that are shown before it refer to the previous fragment (open GOP). Other moments are left out.
    Raises UnsupportedCodecError, FrameTooLargeError.
    """
    missing = sorted(set(moments_ms))
    before: tuple[Fraction, DecodedFrame] | None = None
    for at_ms, image in _images(track, frames, largest_pixels) if missing else ():
        while missing and missing[0] <= at_ms:
            yield from _nearest(missing.pop(0), before, (at_ms, image))
        if not missing:
            return
        before = at_ms, image
    for moment_ms in missing:
        yield from _nearest(moment_ms, before)


def _nearest(moment_ms: Fraction, *images: tuple[Fraction, DecodedFrame] | None) -> list[tuple[Fraction, DecodedFrame]]:
    """Returns the moment with the nearest of these frames, or nothing if all are too far away."""
    near = [(abs(one[0] - moment_ms), one[1]) for one in images if one is not None]
    found = min(near, key=lambda one: one[0], default=None)
    return [] if found is None or found[0] > NEAREST_MS else [(moment_ms, found[1])]


class StillEncoder:
    """Encodes images with square pixels. Scaling and colour conversion are one pass, whose rows Pillow reads without
    copying; the conversion is set up once for images of the same size."""

    def __init__(self, form: StillForm) -> None:
        self._form = form
        self._reformatter = VideoReformatter()

    def __call__(self, image: DecodedFrame) -> bytes:
        form = self._form
        width, height = form.size(*image.shown_size)
        plane = self._reformatter.reformat(image.frame, width, height, "rgb0", threads=1).planes[0]
        rows: Any = memoryview(plane)  # Pillow takes any buffer, though its types name a few
        still = Image.frombuffer("RGBX", (width, height), rows, "raw", "RGBX", plane.line_size, 1)
        target = BytesIO()
        if form.format == "JPEG":
            still.save(target, "JPEG", quality=form.quality)
        else:
            still.convert("RGB").save(target, form.format)
        return target.getvalue()


class TrackDecoder:
    """A decoder for the frames of a track in this form. Raises UnsupportedCodecError."""

    def __init__(self, track: Track, form: NalForm, largest_pixels: int = LARGEST_PIXELS) -> None:
        if track.codec_id not in CODECS:
            raise UnsupportedCodecError(
                f"{track.codec_id or 'a track without a codec'}, not one of {', '.join(CODECS)}"
            )
        context = av.CodecContext.create(CODECS[track.codec_id], "r")
        assert isinstance(context, VideoCodecContext)  # noqa: S101 - only video codecs are named above
        context.extradata = form.private
        context.options = {"max_pixels": str(largest_pixels)}  # checked before memory for a frame is allocated
        self.context = context
        self._form = form
        self._largest_pixels = largest_pixels
        self._track_aspect = track.pixel_aspect

    def decode(self, data: bytes, pts: int | None = None) -> list[DecodedFrame]:
        """Decodes an encoded frame, which must not be empty; returns the frames that are complete. Raises
        UndecodableError, FrameTooLargeError."""
        packet = av.Packet(self._form.of_frame(data))
        packet.pts = pts
        return self._decode(packet)

    def finish(self) -> list[DecodedFrame]:
        """Returns the remaining frames. Raises as `decode` does."""
        return self._decode(None)

    def _decode(self, packet: "av.Packet[Any] | None") -> list[DecodedFrame]:
        try:
            found = self.context.decode(packet)
        except UndecodableError as error:
            width, height = self.context.width, self.context.height
            if -(-width // _ROW_PIXELS) * _ROW_PIXELS * height > self._largest_pixels:
                limit = f"the limit is {self._largest_pixels} pixels"
                raise FrameTooLargeError(f"the frame has {width}x{height} pixels; {limit}") from error
            raise
        aspect = self._pixel_aspect() if found else _SQUARE
        return [DecodedFrame(one, aspect) for one in found]

    def _pixel_aspect(self) -> Fraction:
        """Returns the track's, or else the bitstream's."""
        aspect = self._track_aspect
        if aspect == 1:
            own = self.context.sample_aspect_ratio
            if not own or own.numerator == own.denominator or not own.denominator:
                return _SQUARE
            aspect = Fraction(own.numerator, own.denominator)
        return aspect if Fraction(1, _MOST_STRETCHED) <= aspect <= _MOST_STRETCHED else _SQUARE


def _images(
    track: Track, frames: Sequence[EncodedFrame], largest_pixels: int
) -> Iterator[tuple[Fraction, DecodedFrame]]:
    """Yields decoded frames with their times. After an error, decoding continues at the next keyframe, with a new
    decoder. Empty frames are skipped: a packet without bytes is the end of the stream to libavcodec."""
    full = [one for one in frames if one.data]
    in_order = sorted(one.at_ms for one in full)
    rank_of = {at_ms: rank for rank, at_ms in enumerate(in_order)}  # the pts: B-frames are decoded out of order
    decoder: TrackDecoder | None = None
    for index, encoded in enumerate(full):
        is_last = index == len(full) - 1
        if decoder is None and (index == 0 or encoded.keyframe):
            decoder = TrackDecoder(track, NalForm.of(track, encoded.data), largest_pixels)
        try:
            images = [] if decoder is None else decoder.decode(encoded.data, rank_of[encoded.at_ms])
            images += [] if decoder is None or not is_last else decoder.finish()
        except UndecodableError:
            decoder, images = None, []
        yield from ((in_order[one.frame.pts], one) for one in images if one.frame.pts is not None)
