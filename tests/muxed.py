"""Bodies as FFmpeg's own Matroska muxer writes them: SeekHead, Void, known sizes, sound beside the image."""

from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

type Packet = "av.Packet[Any]"
_ENCODERS = {"h264": "libx264", "hevc": "libx265"}
_SAMPLE_RATE = 16_000


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole body and the frames in it, in decoding order."""

    body: bytes
    video_frames: list[bytes]
    audio_frames: list[bytes]


class _Unseekable:
    """What a live muxer writes to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def a_recording(seconds: int, *, codec: str = "h264", with_audio: bool = True) -> Recording:
    """A keyframe and a cluster each second.

    Without sound it has B-frames, which are not stored in the order they are shown. With sound it has none: sound from
    before the last of them would begin the next cluster, and KVS refuses a cluster that begins before the last ended.
    """
    b_frames = 0 if with_audio else 2
    target = _Unseekable()
    options = {"live": "1", "cluster_time_limit": "100000"}
    with av.open(target, "w", format="matroska", options=options) as container:
        video: Any = container.add_stream(_ENCODERS[codec], rate=10)  # PyAV types it by literal names
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.codec_context.gop_size = 10
        video.codec_context.max_b_frames = b_frames
        video.options = {"preset": "ultrafast", "x265-params": f"log-level=error:bframes={b_frames}:keyint=10"}
        audio = container.add_stream("aac", rate=_SAMPLE_RATE, layout="mono") if with_audio else None
        packets = [*_video(video, seconds), *(_audio(audio, seconds) if audio is not None else [])]
        for packet in sorted(packets, key=_decoding_time):
            container.mux(packet)
    body = bytes(target.data)
    return Recording(body, _frames(body, "video"), _frames(body, "audio"))


def _frames(body: bytes, kind: str) -> list[bytes]:
    with av.open(BytesIO(body), "r") as container:
        return [bytes(packet) for packet in container.demux() if packet.stream.type == kind and packet.pts is not None]


def _decoding_time(packet: Packet) -> Fraction:
    return (packet.dts or 0) * (packet.time_base or Fraction(1))


def _video(stream: VideoStream, seconds: int) -> list[Packet]:
    packets = []
    for index in range(seconds * 10):
        ramp = (np.add.outer(np.arange(120), np.arange(160)) + 9 * index) % 256
        frame = av.VideoFrame.from_ndarray(np.stack([ramp, 255 - ramp, ramp], axis=2).astype(np.uint8), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 10)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _audio(stream: AudioStream, seconds: int) -> list[Packet]:
    packets = []
    for index in range(seconds * _SAMPLE_RATE // 1024):
        tone = np.sin(np.arange(1024) * 0.1).astype(np.float32)[None, :]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _SAMPLE_RATE, index * 1024, Fraction(1, _SAMPLE_RATE)
        packets += stream.encode(frame)
    return packets + stream.encode(None)
