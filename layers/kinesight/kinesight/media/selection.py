"""Selects the keyframes to analyze."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from kinesight.media.fragments import MediaFragment, VideoFrame
from kinesight.media.mkv_model import Track


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A keyframe and its track. `offset_ms` is its exact offset from the start of its fragment."""

    track: Track
    frame: VideoFrame
    offset_ms: Fraction

    def at_ms(self, fragment_start_ms: int) -> int:
        """Returns its time in whole milliseconds, of the clock of `fragment_start_ms`."""
        return fragment_start_ms + int(self.offset_ms)


def video_track(fragment: MediaFragment) -> Track | None:
    """Returns the first video track, the only one that KVS's own consumers read, or None."""
    return next((track for track in fragment.tracks if track.kind == "video"), None)


def keyframes(fragment: MediaFragment) -> Iterator[Keyframe]:
    """Yields the keyframes of the video track, in order, except empty ones: they have no image, and would take the
    place of one that has."""
    track = video_track(fragment)
    start_ms = Fraction(fragment.cluster_timecode * fragment.timecode_scale_ns, 1_000_000)
    for frame in fragment.keyframes if track is not None else ():
        if track is not None and frame.track_number == track.number and frame.data:
            yield Keyframe(track, frame, frame.timecode_ms - start_ms)


class Sampler(Protocol):
    """Selects keyframes. Its state is a number, so that another sampler can continue."""

    def takes(self, at_ms: int, state: int) -> tuple[bool, int]:
        """Returns whether to analyze the keyframe at this time, and the new state. The first state of a stream is 0."""


@dataclass(frozen=True, slots=True)
class EveryNth:
    """Selects every `n`-th keyframe, starting with the first. The state counts keyframes."""

    n: int

    def takes(self, at_ms: int, state: int) -> tuple[bool, int]:  # noqa: ARG002 - only the count matters
        """States are below `n`."""
        return state % self.n == 0, (state + 1) % self.n


@dataclass(frozen=True, slots=True)
class EveryInterval:
    """Selects the first keyframe of each interval since 1970. The state is the last interval with a keyframe."""

    interval_ms: int

    def takes(self, at_ms: int, state: int) -> tuple[bool, int]:
        """An interval starts too if time goes back, as a producer's clock may."""
        interval = at_ms // self.interval_ms
        return interval != state, interval
