"""Keyframes of live or stored video: which of them to look at, and their pictures.

A keyframe is decoded alone, by one decoder that lives as long as its track stays the same: opening a container per
fragment costs more than the picture, and what lies between keyframes is never decoded. Needs PyAV and Pillow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as Picture

from kinesight.media.fragments import MediaFragment, VideoFrame
from kinesight.media.mkv_model import Track
from kinesight.media.stills import StillEncoder, StillForm, UndecodableError, decoder_of


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A keyframe and its track. `offset_ms` counts from the start of its fragment, exact."""

    track: Track
    frame: VideoFrame
    offset_ms: Fraction

    def at_ms(self, fragment_start_ms: int) -> int:
        """When it was shown, in whole milliseconds of the clock that the fragment's start is given in."""
        return fragment_start_ms + int(self.offset_ms)


def video_track(fragment: MediaFragment) -> Track | None:
    """The first one, which is all that KVS's own consumers look at."""
    return next((track for track in fragment.tracks if track.kind == "video"), None)


def keyframes(fragment: MediaFragment) -> Iterator[Keyframe]:
    """Those of its video track, in their order; none if it has no video."""
    track = video_track(fragment)
    start_ms = Fraction(fragment.cluster_timecode * fragment.timecode_scale_ns, 1_000_000)
    for frame in fragment.frames if track is not None else ():
        if frame.keyframe and track is not None and frame.track_number == track.number:
            yield Keyframe(track, frame, frame.timecode_ms - start_ms)


class Sampler(Protocol):
    """Chooses keyframes. What it remembers is a number, so that another one can go on where it stopped."""

    def takes(self, at_ms: int, state: int) -> tuple[bool, int]:
        """Whether to look at the keyframe of this moment, and the state after it. A new stream's state is 0."""


@dataclass(frozen=True, slots=True)
class EveryNth:
    """One keyframe of `n`, the first one first. The state counts keyframes."""

    n: int

    def takes(self, at_ms: int, state: int) -> tuple[bool, int]:  # noqa: ARG002 - only the count matters
        """A state is below `n`."""
        return state % self.n == 0, (state + 1) % self.n


@dataclass(frozen=True, slots=True)
class EveryInterval:
    """The first keyframe in each interval since 1970. The state is the last interval that had one."""

    interval_ms: int

    def takes(self, at_ms: int, state: int) -> tuple[bool, int]:
        """Time that goes back, as a producer's clock may, begins an interval too."""
        interval = at_ms // self.interval_ms
        return interval != state, interval


class KeyframeDecoder:
    """Pictures of keyframes, one after the other, of any number of tracks; for one thread."""

    def __init__(self, form: StillForm | None = None) -> None:
        self._encode = StillEncoder(form or StillForm())
        self._decoders: dict[Track, VideoCodecContext] = {}

    def still(self, keyframe: Keyframe) -> bytes:
        """The picture as a file. Raises UnsupportedCodecError, UndecodableError."""
        return self._encode(self.picture(keyframe))

    def picture(self, keyframe: Keyframe) -> Picture:
        """Raises UnsupportedCodecError, UndecodableError."""
        decoder = self._decoder(keyframe.track)
        pictures = decoder.decode(av.Packet(keyframe.frame.data))
        if not pictures:
            pictures = decoder.decode(None)
            decoder.flush_buffers()
        if not pictures:
            raise UndecodableError(0, "no picture came of the keyframe")
        return pictures[-1]

    def _decoder(self, track: Track) -> VideoCodecContext:
        """Codec private data may change from fragment to fragment; an old decoder is then of no use."""
        if track not in self._decoders:
            self._decoders.clear()
            decoder = decoder_of(track)
            decoder.flags |= Flags.low_delay  # a keyframe needs to wait for no other
            self._decoders[track] = decoder
        return self._decoders[track]
