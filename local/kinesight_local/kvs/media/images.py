"""Image generation: selects frames of fragments tagged AWS_KINESISVIDEO_IMAGE_GENERATION and encodes them as images.

The sampling clock of a stream continues across fragments and connections.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from kinesight.media.mkv import Track
from kinesight.media.stills import CODECS, EncodedFrame, StillEncoder, StillForm, decoded

from kinesight_local.kvs.media.fragment import IngestedFragment

_DEFAULT_QUALITY = 80


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """The fields of ImageGenerationConfiguration that determine an image."""

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
    """Ticks at fixed intervals from the first frame on; each tick selects the first frame at or after it.

    The mean rate is therefore the configured one at any frame rate. If time goes back (a recording played again, a
    camera clock set back, fragments resent after a lost connection) the clock restarts: images can then be generated
    twice, but none is missing. AWS does not document how it places the ticks.
    """

    def __init__(self) -> None:
        self._due_ms: Fraction | None = None

    def pick(self, times_ms: Sequence[Fraction], interval_ms: int) -> list[Fraction]:
        """The times, out of an ascending sequence, at which an image is due."""
        picked = []
        for at_ms in times_ms:
            if self._due_ms is None or at_ms < self._due_ms - interval_ms:
                self._due_ms = at_ms
            if at_ms >= self._due_ms:
                picked.append(at_ms)
                self._due_ms += ((at_ms - self._due_ms) // interval_ms + 1) * interval_ms
        return picked


def video_times_ms(fragment: IngestedFragment) -> list[Fraction]:
    """The frames' offsets from the fragment's start, ascending. Only track 1 gives images."""
    track = _video_track(fragment.tracks)
    if track is None:
        return []
    return sorted(block.offset_ms for block in fragment.blocks if block.track_number == track.number)


def extract_images(
    fragment: IngestedFragment, offsets_ms: Sequence[Fraction], settings: ImageSettings
) -> Iterator[tuple[Fraction, bytes]]:
    """(offset, encoded image) of the frames at these offsets. Raises UndecodableError."""
    track = _video_track(fragment.tracks)
    if track is None:
        return
    encode = StillEncoder(StillForm(settings.format, settings.quality, settings.width, settings.height))
    frames = [
        EncodedFrame(one.offset_ms, one.keyframe, one.data)
        for one in fragment.blocks
        if one.track_number == track.number
    ]
    for offset_ms, image in decoded(track, frames, set(offsets_ms)):
        yield offset_ms, encode(image)


def _video_track(tracks: Sequence[Track]) -> Track | None:
    return next((track for track in tracks if track.number == 1 and track.codec_id in CODECS), None)
