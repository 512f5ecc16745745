"""Real video, made on the fly: small H.264 clips and KVS-shaped bodies."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from av.video.frame import PictureType
from kinesight.media import mkv_write as write
from kinesight.media.mkv_model import Tag, Track


@dataclass(frozen=True, slots=True)
class Clip:
    """Encoded packets in decode order: (timecode in ms, keyframe, data), and the decoder's private data (avcC)."""

    packets: tuple[tuple[int, bool, bytes], ...]
    codec_private: bytes
    width: int
    height: int

    @property
    def track(self) -> Track:
        return Track(1, "video", "V_MPEG4/ISO/AVC", self.codec_private, "camera", self.width, self.height)


def a_clip(
    seconds: int = 2, *, fps: int = 10, width: int = 320, height: int = 240, keyframes: Collection[int] = ()
) -> Clip:
    """A moving gradient, no B-frames, a keyframe each second, or at the frames of `keyframes` alone."""
    target = BytesIO()
    with av.open(target, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = seconds * fps if keyframes else fps
        stream.codec_context.time_base = Fraction(1, fps)
        for index in range(seconds * fps):
            ramp = (np.add.outer(np.arange(height), np.arange(width)) + 9 * index) % 256
            image = np.stack([ramp, 255 - ramp, np.full_like(ramp, index % 256)], axis=2).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index
            if index in keyframes:
                frame.pict_type = PictureType.I
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    target.seek(0)
    return _read_back(target, width, height)


def _read_back(source: BytesIO, width: int, height: int) -> Clip:
    with av.open(source, "r") as container:
        stream = container.streams.video[0]
        private = bytes(stream.codec_context.extradata or b"")
        packets = [
            (round(packet.pts * stream.time_base * 1000), packet.is_keyframe, bytes(packet))
            for packet in container.demux(stream)
            if packet.pts is not None and stream.time_base is not None
        ]
    return Clip(tuple(packets), private, width, height)


def producer_header(clip: Clip) -> bytes:
    """What a producer sends first: EBML, Segment of unknown size, Info, Tracks."""
    return write.ebml_header() + write.segment_start() + write.info() + write.tracks([clip.track])


def clusters(clip: Clip, start_ms: int, *, known_size: bool = True) -> list[tuple[int, bytes]]:
    """(timecode, Cluster) per keyframe, timecodes counted from `start_ms`."""
    groups: list[list[tuple[int, bool, bytes]]] = []
    for packet in clip.packets:
        if packet[1] or not groups:
            groups.append([])
        groups[-1].append(packet)
    return [
        (
            start_ms + group[0][0],
            write.cluster(
                start_ms + group[0][0],
                [write.simple_block(1, at - group[0][0], key, data) for at, key, data in group],
                known_size=known_size,
            ),
        )
        for group in groups
    ]


def event_tags(*names: str, **custom: str) -> bytes:
    """One Tags element per event, as AWS's SDK writes them."""
    entries: Sequence[Tag] = [Tag(name, "") for name in names] + [Tag(key, value) for key, value in custom.items()]
    return b"".join(write.tags([entry]) for entry in entries)


IMAGE = "AWS_KINESISVIDEO_IMAGE_GENERATION"
NOTIFICATION = "AWS_KINESISVIDEO_NOTIFICATION"
END_OF_FRAGMENT = "AWS_KINESISVIDEO_END_OF_FRAGMENT"
