"""Image generation: which frames of tagged fragments become pictures, and the pictures.

Only the fragments that carry AWS_KINESISVIDEO_IMAGE_GENERATION give pictures. The sampling clock runs on per stream,
over the borders of fragments and connections.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import Any, Literal

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from kinesight.media.mkv import Track
from PIL import Image

from kinesight_local.kvs.fragment import Block, IngestedFragment

_CODECS = {"V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc"}
_DEFAULT_QUALITY = 80


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """The fields of ImageGenerationConfiguration that shape a picture."""

    sampling_interval_ms: int
    format: Literal["JPEG", "PNG"]
    quality: int
    width: int | None
    height: int | None

    @classmethod
    def of(cls, configuration: dict[str, Any]) -> "ImageSettings":
        quality = (configuration.get("FormatConfig") or {}).get("JPEGQuality", _DEFAULT_QUALITY)
        return cls(
            configuration["SamplingInterval"],
            configuration["Format"],
            int(quality),
            configuration.get("WidthPixels"),
            configuration.get("HeightPixels"),
        )


class SamplingClock:
    """Ticks at fixed intervals from the first frame on; a tick takes the first frame at or after it.

    So the mean rate is the configured one, whatever the frame rate. Where time goes back (a recording played again, a
    camera whose clock was set, fragments sent again after a lost connection) the clock starts anew: pictures can then
    come twice, but none is missing. How AWS places the ticks is not documented.
    """

    def __init__(self) -> None:
        self._due_ms: Fraction | None = None

    def pick(self, times_ms: Sequence[Fraction], interval_ms: int) -> list[Fraction]:
        """The times, of those given in ascending order, at which a picture is due."""
        picked = []
        for at_ms in times_ms:
            if self._due_ms is None or at_ms < self._due_ms - interval_ms:
                self._due_ms = at_ms
            if at_ms >= self._due_ms:
                picked.append(at_ms)
                self._due_ms += ((at_ms - self._due_ms) // interval_ms + 1) * interval_ms
        return picked


def video_times_ms(fragment: IngestedFragment) -> list[Fraction]:
    """The moments of the first track's frames after the fragment's start, ascending. Only track 1 gives pictures."""
    track = _video_track(fragment.tracks)
    if track is None:
        return []
    return sorted(block.offset_ms for block in fragment.blocks if block.track_number == track.number)


def pictures(
    fragment: IngestedFragment, offsets_ms: Sequence[Fraction], settings: ImageSettings
) -> Iterator[tuple[Fraction, bytes]]:
    """(offset, encoded picture) for the frames at these offsets. Raises av.FFmpegError where nothing can be decoded."""
    track = _video_track(fragment.tracks)
    if track is None or not offsets_ms:
        return
    blocks = [block for block in fragment.blocks if block.track_number == track.number]
    for offset_ms, frame in _decoded(track, blocks, set(offsets_ms)):
        yield offset_ms, _encoded(frame, settings)


def _video_track(tracks: Sequence[Track]) -> Track | None:
    return next((track for track in tracks if track.number == 1 and track.codec_id in _CODECS), None)


def _decoded(track: Track, blocks: Sequence[Block], wanted: set[Fraction]) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Decodes from the fragment's keyframe up to the last frame that is wanted, and no further."""
    by_pts = {index: block.offset_ms for index, block in enumerate(sorted(blocks, key=lambda block: block.offset_ms))}
    pts_of = {offset_ms: index for index, offset_ms in by_pts.items()}
    decoder = av.CodecContext.create(_CODECS[track.codec_id], "r")
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101 - only video codecs are named above
    decoder.extradata = track.codec_private
    missing = set(wanted)
    for frame in _frames(decoder, blocks, pts_of):
        offset_ms = by_pts[frame.pts] if frame.pts is not None else Fraction(-1)
        if offset_ms in missing:
            missing.remove(offset_ms)
            yield offset_ms, frame
        if not missing:
            return


def _frames(decoder: VideoCodecContext, blocks: Sequence[Block], pts_of: dict[Fraction, int]) -> Iterator[VideoFrame]:
    for block in blocks:
        packet = av.Packet(block.data)
        packet.pts = pts_of[block.offset_ms]
        yield from decoder.decode(packet)
    yield from decoder.decode(None)


def _encoded(frame: VideoFrame, settings: ImageSettings) -> bytes:
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
    size = _size(image.width, image.height, settings)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    target = BytesIO()
    image.save(target, settings.format, **({"quality": settings.quality} if settings.format == "JPEG" else {}))
    return target.getvalue()


def _size(width: int, height: int, settings: ImageSettings) -> tuple[int, int]:
    """Both sides given: stretched. One: the other follows the aspect ratio. None: as it is."""
    if settings.width and settings.height:
        return settings.width, settings.height
    if settings.width:
        return settings.width, max(1, round(height * settings.width / width))
    if settings.height:
        return max(1, round(width * settings.height / height)), settings.height
    return width, height
