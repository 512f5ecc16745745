"""Fragments that producers send and textbooks do not mention, made on the fly, and those of tests/field_cases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from kinesight.media import mkv_write as write
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight.media.mkv_model import Tag, Track

FIELD_CASES = Path(__file__).resolve().parent / "field_cases"
START_MS = 1_790_000_000_000
_SETTINGS = {
    "libx264": ("x264-params", "V_MPEG4/ISO/AVC"),
    "libx265": ("x265-params", "V_MPEGH/ISO/HEVC"),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded frame at a time in milliseconds; `shade` of the image is 5 times its number."""

    at_ms: int
    keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Encoded:
    """Frames in decoding order, ten per second."""

    track: Track
    frames: tuple[Frame, ...]

    def with_private(self, private: bytes) -> "Encoded":
        return replace(self, track=replace(self.track, codec_private=private))

    def groups(self) -> list[tuple[Frame, ...]]:
        """Cut at each keyframe, as producers cut."""
        starts = [index for index, one in enumerate(self.frames) if one.keyframe]
        return [self.frames[a:b] for a, b in zip(starts, [*starts[1:], len(self.frames)], strict=True)]


def encoded(
    encoder: str = "libx264",
    *,
    seconds: int = 2,
    size: tuple[int, int] = (160, 96),
    settings: str = "bframes=0",
    keyframe_every: int = 10,
    pixel_aspect: Fraction | None = None,
) -> Encoded:
    """Encodes images that become brighter, ten per second."""
    name, codec_id = _SETTINGS[encoder]
    target = BytesIO()
    with av.open(target, "w", format="matroska") as container:
        parameters = f"{settings}:keyint={keyframe_every}:min-keyint={keyframe_every}:scenecut=0:log-level=0"
        stream: Any = container.add_stream(encoder, rate=10, options={name: parameters, "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        for index in range(seconds * 10):
            image = np.full((size[1], size[0], 3), 5 * index, dtype=np.uint8)
            image[: size[1] // 2, : size[0] // 2] = (index * 37 % 256, 90, 200)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return _read_back(target, Track(1, "video", codec_id, b"", "camera", *size))


def _read_back(target: BytesIO, track: Track) -> Encoded:
    target.seek(0)
    with av.open(target, "r") as container:
        stream = container.streams.video[0]
        private = bytes(stream.codec_context.extradata or b"")
        frames = [
            Frame(round(one.pts * one.time_base * 1000), one.is_keyframe, bytes(one))
            for one in container.demux(stream)
            if one.pts is not None and one.time_base is not None
        ]
    return Encoded(replace(track, codec_private=private), tuple(frames))


def document(track: Track, frames: Sequence[Frame], number: int = 1) -> bytes:
    """Returns a fragment as GetMediaForFragmentList sends it; its producer timestamp is that of its first frame."""
    start_ms = min(one.at_ms for one in frames)
    at_ms = START_MS + start_ms
    clock = f"{at_ms / 1000:.3f}"
    tags = {"FRAGMENT_NUMBER": str(number), "SERVER_TIMESTAMP": clock, "PRODUCER_TIMESTAMP": clock}
    return (
        write.ebml_header()
        + write.segment_start()
        + write.info()
        + write.tracks([track])
        + write.tags([Tag(f"AWS_KINESISVIDEO_{name}", text) for name, text in tags.items()])
        + write.cluster(at_ms, [write.simple_block(1, one.at_ms - start_ms, one.keyframe, one.data) for one in frames])
    )


def field_case(name: str) -> list[MediaFragment]:
    """Returns the fragments of a body in tests/field_cases."""
    body = (FIELD_CASES / name).read_bytes()
    return [one for one in read_fragments([body]) if isinstance(one, MediaFragment)]


def only(body: bytes) -> MediaFragment:
    (found,) = read_fragments([body])
    assert isinstance(found, MediaFragment)
    return found
