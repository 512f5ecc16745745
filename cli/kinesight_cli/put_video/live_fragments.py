"""Groups the frames of a live source to fragments, on the clock of this machine."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from kinesight.media.mkv import Track

from kinesight_cli.put_video.live_frames import Arrival, live_frames, now_ms
from kinesight_cli.put_video.live_source import LiveSource
from kinesight_cli.shared.video_file import (
    MAXIMUM_FRAGMENT_MS,
    MINIMUM_FRAGMENT_MS,
    EncodedFrame,
    SourceFragment,
    UnusableVideoError,
)

_MAXIMUM_BYTES = 50_000_000
"""KVS accepts fragments of at most 50 MB (service quotas)."""
_TOLERATED_LAG_MS = 1_000
_TOLERATED_LEAD_MS = 30_000


@dataclass(frozen=True, slots=True)
class LiveFragment:
    """A fragment of a live source; `origin_epoch_ms` is the moment of `at_ms` 0."""

    track: Track
    fragment: SourceFragment
    origin_epoch_ms: int


class WallClock:
    """Converts times of sources to this machine's clock: continuous while a source is, never backwards.

    A frame arrives later than it was recorded, by a delay that varies. The smallest delay within a fragment counts.
    """

    def __init__(self) -> None:
        self._origin_ms: int | None = None
        self._last_ms = 0

    def restart(self) -> None:
        """Forgets the source's times, which begin anew with each connection."""
        self._origin_ms = None

    def origin_ms(self, arrivals: list[Arrival]) -> int:
        """Returns the moment of `at_ms` 0, in epoch milliseconds."""
        observed_ms = min(one.at_epoch_ms - round(one.frame.at_ms) for one in arrivals)
        if self._origin_ms is None or not self._is_near(observed_ms, self._origin_ms):
            self._origin_ms = observed_ms
        times_ms = [round(one.frame.at_ms) for one in arrivals]
        self._origin_ms = max(self._origin_ms, self._last_ms + 1 - min(times_ms))
        self._last_ms = self._origin_ms + max(times_ms)
        return self._origin_ms

    def wait(self) -> None:
        """Sleeps until the last frame's moment: a pipe may deliver video faster than a camera records it."""
        time.sleep(max(0, self._last_ms - now_ms()) / 1000)

    def _is_near(self, observed_ms: int, origin_ms: int) -> bool:
        return -_TOLERATED_LEAD_MS <= observed_ms - origin_ms <= _TOLERATED_LAG_MS


def read_live(source: LiveSource, clock: WallClock, fragment_ms: int) -> Iterator[LiveFragment]:
    """Opens the source and yields its fragments until it ends.

    Raises OSError or av.FFmpegError if it can't be opened or breaks, UnusableVideoError if KVS can't store its video.
    """
    clock.restart()
    with source.opened() as container:
        track, frames = live_frames(container, fragment_ms)
        for arrivals, length_ms in grouped(frames, fragment_ms):
            fragment = SourceFragment(tuple(one.frame for one in arrivals), length_ms)
            origin_ms = clock.origin_ms(arrivals)
            clock.wait()
            yield LiveFragment(track, fragment, origin_ms)


def grouped(frames: Iterator[Arrival], fragment_ms: int) -> Iterator[tuple[list[Arrival], Fraction]]:
    """Yields groups from one keyframe to the next one that is due, with their lengths in milliseconds.

    Leaves out frames that can't be decoded from their fragment alone: those before the first keyframe, and those after
    a keyframe that are shown before it. What remains at the end is left out if it is shorter than KVS accepts.
    Raises UnusableVideoError if the keyframes are too far apart.
    """
    group: list[Arrival] = []
    for arrival in frames:
        if group and arrival.frame.keyframe and _is_complete(group, arrival.frame, fragment_ms):
            yield group, _length_ms(group, arrival.frame)
            group = []
        if group[:1] or arrival.frame.keyframe:
            group += [arrival] if not group or arrival.frame.at_ms >= group[0].frame.at_ms else []
            _check(group)
    if group and _length_ms(group) >= MINIMUM_FRAGMENT_MS:
        yield group, _length_ms(group)


def _is_complete(group: list[Arrival], following: EncodedFrame, fragment_ms: int) -> bool:
    span_ms = following.at_ms - group[0].frame.at_ms
    return span_ms >= max(fragment_ms - 1, MINIMUM_FRAGMENT_MS) or span_ms < 0


def _length_ms(group: list[Arrival], following: EncodedFrame | None = None) -> Fraction:
    """Returns the length of a group; without a following frame the last one lasts as long as the average one."""
    times_ms = [one.frame.at_ms for one in group]
    if following is not None and following.at_ms > max(times_ms):
        return following.at_ms - min(times_ms)
    return (max(times_ms) - min(times_ms)) * Fraction(len(group), max(1, len(group) - 1))


def _check(group: list[Arrival]) -> None:
    too_long = group[-1].frame.at_ms - group[0].frame.at_ms > MAXIMUM_FRAGMENT_MS
    if too_long or sum(len(one.frame.data) for one in group) > _MAXIMUM_BYTES:
        raise UnusableVideoError(
            "no keyframe within 20 seconds or 50 MB, the limits of a KVS fragment: set a keyframe interval of 1 to 10 "
            "seconds in the camera or encoder"
        )
