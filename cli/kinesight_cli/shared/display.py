"""How the frames of a video are shown: turned or mirrored by a display matrix, and with pixels that are not square.

Phones and some cameras record upright video lying on its side. A KVS fragment has no display matrix, and what generates
images from it knows nothing of the file's, so such video is transcoded.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

_MATRIX = struct.Struct("=9i")
"""Rows (a, b, u), (c, d, v), (x, y, w): a pixel at (p, q) is shown at (a p + c q + x, b p + d q + y)."""
_MOST_STRETCHED = 3
"""Other aspect ratios of pixels are invalid (`kinesight.media.stills`)."""


@dataclass(frozen=True, slots=True)
class Display:
    """`width` and `height` are even, and count square pixels before turning. Frames are transposed first, then mirrored
    left to right, then flipped upside down."""

    width: int
    height: int
    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    @classmethod
    def of(cls, stream: VideoStream) -> "Display":
        """Returns how the stream is shown. An angle between right angles counts as the nearest one."""
        aspect = pixel_aspect(stream)
        width, height = stream.codec_context.width, stream.codec_context.height
        width, height = (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))
        size = max(2, width // 2 * 2), max(2, height // 2 * 2)
        matrix = stream.codec_context.coded_side_data.get("display_matrix", b"")
        if len(matrix) != _MATRIX.size:
            return cls(*size)
        a, b, _, c, d, *_ = _MATRIX.unpack(matrix)
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(*size, transposed=True, mirrored=c < 0, flipped=b < 0)
        return cls(*size, mirrored=a < 0, flipped=d < 0)

    @property
    def is_upright(self) -> bool:
        return not (self.transposed or self.mirrored or self.flipped)

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height as shown."""
        return (self.height, self.width) if self.transposed else (self.width, self.height)

    def shown(self, frame: VideoFrame) -> VideoFrame:
        """Returns the frame as it is shown, in yuv420p, without its timestamp if it is turned."""
        scaled = frame.reformat(self.width, self.height, "yuv420p")
        if self.is_upright:
            return scaled
        width, height = self.shown_size
        planes = [self._turned(one).reshape(-1) for one in self._planes(scaled)]
        return av.VideoFrame.from_ndarray(np.concatenate(planes).reshape(height * 3 // 2, width), format="yuv420p")

    def _planes(self, frame: VideoFrame) -> Iterable[NDArray[np.uint8]]:
        samples = frame.to_ndarray().reshape(-1).astype(np.uint8, copy=False)
        luma, chroma = self.width * self.height, self.width * self.height // 4
        yield samples[:luma].reshape(self.height, self.width)
        for start in (luma, luma + chroma):
            yield samples[start : start + chroma].reshape(self.height // 2, self.width // 2)

    def _turned(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        plane = plane.T if self.transposed else plane
        plane = plane[:, ::-1] if self.mirrored else plane
        return plane[::-1] if self.flipped else plane


def pixel_aspect(stream: VideoStream) -> Fraction:
    """Returns the width of the stream's pixels by their height; 1 if it is unknown or invalid."""
    found = stream.sample_aspect_ratio
    if not found or not found.denominator:
        return Fraction(1)
    aspect = Fraction(found.numerator, found.denominator)
    return aspect if Fraction(1, _MOST_STRETCHED) <= aspect <= _MOST_STRETCHED else Fraction(1)
