"""TimelapseEncoder on PyAV and Pillow: H.264 in MP4 with its index at the front."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from kinesight.domain.errors import UnsupportedImageError
from kinesight.domain.on_demand.render_timelapse import VideoFormat

# Without B-frames decoding and presentation time are equal, so parts are joined by adding up their lengths.
_ENCODER = {"preset": "veryfast", "crf": "23", "bf": "0"}
_INDEX_FIRST = {"movflags": "+faststart"}
_GAP_COLOUR = (24, 24, 28)
_MAXIMUM_PIXELS = 3840 * 2160 * 2


class AvTimelapseEncoder:
    """A canvas is a Pillow image of the video's size."""

    def size_of(self, body: bytes) -> tuple[int, int]:
        """Reads only the header."""
        with _opened(body) as image:
            return image.size

    def poster(self, body: bytes, form: VideoFormat) -> bytes:
        """Returns a JPEG of quality 85."""
        target = BytesIO()
        self.canvas(body, form, "").save(target, "JPEG", quality=85)
        return target.getvalue()

    def canvas(self, body: bytes, form: VideoFormat, caption: str) -> Image.Image:
        """Pads the image if its aspect ratio differs; draws the caption in the lower left corner."""
        size = (form.width, form.height)
        with _opened(body) as image:
            image.draft("RGB", size)  # decodes a much larger JPEG at reduced size
            canvas = ImageOps.pad(image.convert("RGB"), size)
        if caption:
            _write(canvas, caption, (form.width // 80 + 4, form.height - form.height // 80 - 4), "lb")
        return canvas

    def gap(self, form: VideoFormat, caption: str) -> Image.Image:
        """Returns a dark canvas with the caption in the center."""
        canvas = Image.new("RGB", (form.width, form.height), _GAP_COLOUR)
        _write(canvas, caption, (form.width // 2, form.height // 2), "mm")
        return canvas

    @contextmanager
    def writer(self, path: Path, form: VideoFormat) -> Iterator[_AvVideoWriter]:
        """Writes a keyframe every two seconds."""
        with av.open(str(path), "w", format="mp4", options=_INDEX_FIRST) as container:
            stream = container.add_stream("libx264", rate=form.frames_per_second, options=_ENCODER)
            stream.width, stream.height, stream.pix_fmt = form.width, form.height, "yuv420p"
            stream.codec_context.gop_size = 2 * form.frames_per_second
            yield _AvVideoWriter(container, stream)
            container.mux(stream.encode(None))

    def join(self, parts: Iterable[Path], target: Path) -> None:
        """Copies packets; each part starts at the end of the previous one."""
        with av.open(str(target), "w", format="mp4", options=_INDEX_FIRST) as joined:
            track: VideoStream | None = None
            begin = 0
            for path in parts:
                with av.open(str(path), "r") as part:
                    source = part.streams.video[0]
                    track = track or joined.add_stream_from_template(source)
                    for packet in part.demux(source):
                        if packet.dts is None or packet.pts is None:
                            continue  # the demuxer's end-of-stream packet
                        packet.pts += begin
                        packet.dts += begin
                        packet.stream = track
                        joined.mux(packet)
                    begin += source.duration or 0


class _AvVideoWriter:
    """One open MP4."""

    def __init__(self, container: OutputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._frames = 0

    def add(self, canvas: Image.Image) -> None:
        """Appends a frame; its timestamp is its number."""
        frame = av.VideoFrame.from_image(canvas)  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
        frame.pts = self._frames
        self._frames += 1
        self._container.mux(self._stream.encode(frame))


@contextmanager
def _opened(body: bytes) -> Iterator[Image.Image]:
    try:
        image = Image.open(BytesIO(body), formats=("JPEG", "PNG"))
        if image.width * image.height > _MAXIMUM_PIXELS:
            raise UnsupportedImageError(
                f"the image has {image.width}x{image.height} pixels; the limit is {_MAXIMUM_PIXELS}"
            )
        yield image
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UnsupportedImageError(f"not a readable image: {error}") from error


def _write(canvas: Image.Image, text: str, at: tuple[int, int], anchor: str) -> None:
    font = _font(max(10, canvas.height // 24))
    ImageDraw.Draw(canvas).text(
        at, text, fill="white", font=font, anchor=anchor, stroke_width=max(1, canvas.height // 360), stroke_fill="black"
    )


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
