"""Which keyframes to look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from kinesight.media.fragments import MediaFragment, VideoFrame
from kinesight.media.mkv_model import Track


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
    for frame in fragment.keyframes if track is not None else ():
        if track is not None and frame.track_number == track.number:
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
