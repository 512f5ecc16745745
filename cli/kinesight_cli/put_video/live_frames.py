"""Encoded frames of an open live source: H.264 and H.265 are remuxed, anything else is transcoded to H.264."""

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from typing import NamedTuple

import av
from av.container import InputContainer, OutputContainer
from av.format import Flags
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from kinesight.media.mkv import MkvParser, Track, TracksEvent
from kinesight.media.nal_units import length_prefixed

from kinesight_cli.shared.display import Display
from kinesight_cli.shared.video_file import REMUXED, EncodedFrame, UnusableVideoError


class Arrival(NamedTuple):
    """A frame, and when it arrived, in epoch milliseconds."""

    frame: EncodedFrame
    at_epoch_ms: int


def live_frames(container: InputContainer, fragment_ms: int) -> tuple[Track, Iterator[Arrival]]:
    """Returns the track and its frames in decode order, as they arrive. Raises UnusableVideoError."""
    stream = container.streams.video[0]
    if stream.codec_context.name in REMUXED and Display.of(stream).is_upright:
        return _remuxed(container, stream)
    return _transcoded(container, stream, fragment_ms)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _remuxed(container: InputContainer, stream: VideoStream) -> tuple[Track, Iterator[Arrival]]:
    private = bytes(stream.codec_context.extradata or b"")
    if not private:
        raise UnusableVideoError(
            "the video has no parameter sets (SPS, PPS): configure the encoder to repeat them at each keyframe"
        )
    header = BytesIO()
    with av.open(header, "w", format="matroska") as sink:
        sink.add_stream_from_template(stream)
        track = _track(sink, header)
    return track, _arrivals(container, stream, annex_b=private[:1] != b"\x01")


def _arrivals(container: InputContainer, stream: VideoStream, *, annex_b: bool) -> Iterator[Arrival]:
    has_times = Flags.no_timestamps not in Flags(container.format.flags)
    last_ms: Fraction | None = None
    for packet in container.demux(stream):
        arrived_ms = now_ms()
        at_ms = None if packet.pts is None else Fraction(packet.pts) * packet.time_base * 1000
        at_ms = _estimated_ms(last_ms, None if has_times else arrived_ms) if at_ms is None else at_ms
        if at_ms is None or not packet.size or packet.is_corrupt:
            continue
        last_ms = at_ms
        data = length_prefixed(bytes(packet)) if annex_b else bytes(packet)
        yield Arrival(EncodedFrame(at_ms, packet.is_keyframe, data), arrived_ms)


def _estimated_ms(last_ms: Fraction | None, arrived_ms: int | None) -> Fraction | None:
    """Returns the time of a frame without a timestamp: its arrival in an elementary stream, which has none."""
    if last_ms is None:
        return None if arrived_ms is None else Fraction(arrived_ms)
    return max(last_ms + 1, Fraction(arrived_ms or 0))


def _transcoded(container: InputContainer, stream: VideoStream, fragment_ms: int) -> tuple[Track, Iterator[Arrival]]:
    header = BytesIO()
    sink = av.open(header, "w", format="matroska")
    rate = stream.average_rate or Fraction(25)
    options = {"preset": "veryfast", "tune": "zerolatency", "forced-idr": "1"}
    output = sink.add_stream("libx264", rate=rate, options=options)
    display = Display.of(stream)
    output.width, output.height = display.shown_size
    output.pix_fmt = "yuv420p"
    output.codec_context.time_base = Fraction(1, 1000)
    output.codec_context.gop_size = 10_000
    return _track(sink, header), _encoded(container.decode(stream), display, output, fragment_ms)


def _encoded(
    frames: Iterator[VideoFrame], display: Display, output: VideoStream, fragment_ms: int
) -> Iterator[Arrival]:
    next_key_ms, last_ms = -1, -1
    for frame in frames:
        arrived_ms = now_ms()
        at_ms = max(_shown_at_ms(frame, arrived_ms), last_ms + 1)
        scaled = display.shown(frame)
        scaled.pts, scaled.time_base = at_ms, Fraction(1, 1000)
        scaled.pict_type = PictureType.I if at_ms >= next_key_ms else PictureType.NONE
        next_key_ms = at_ms + fragment_ms if at_ms >= next_key_ms else next_key_ms
        last_ms = at_ms
        for packet in output.encode(scaled):
            yield Arrival(EncodedFrame(Fraction(at_ms), packet.is_keyframe, length_prefixed(bytes(packet))), arrived_ms)


def _shown_at_ms(frame: VideoFrame, arrived_ms: int) -> int:
    if frame.pts is None or frame.time_base is None:
        return arrived_ms
    return round(Fraction(frame.pts) * frame.time_base * 1000)


def _track(sink: OutputContainer, header: BytesIO) -> Track:
    """Returns the track as FFmpeg writes it to Matroska, with avcC or hvcC as its private data."""
    sink.start_encoding()
    tracks = [event.tracks for event in MkvParser().feed(header.getvalue()) if isinstance(event, TracksEvent)]
    found = tracks[0][0]
    return replace(found, number=1, name="camera")
