"""When the frames of a track are decoded: Matroska tells only when they are shown, MP4 wants both.

Frames are decoded in the order in which they are stored, at the times at which they are shown, in ascending order, and
all as much earlier as one of them is shown before its turn.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

TICKS_PER_SECOND = 90_000

LEAST_STEP = 12
"""Ticks that decoding times of one track differ by at least, where fragments overlap: MP4 counts sound in its own
samples, 8,000 a second or more, and two times within one sample would become one."""


class FrameTimes(NamedTuple):
    """In ticks. A frame is shown at `pts` for `duration`, and decoded at `dts`."""

    pts: int
    dts: int
    duration: int


def frame_times(shown: Sequence[int]) -> Iterator[FrameTimes]:
    """Of frames in the order in which they are stored, by the ticks at which they are shown. The last one lasts as long
    as the one before, and one that is alone a twenty-fifth of a second."""
    if not shown:
        return
    ascending = sorted(shown)
    gaps = [after - before for before, after in pairwise(ascending)]
    durations = [*gaps, gaps[-1] if gaps else TICKS_PER_SECOND // 25]
    early = max(at - moment for at, moment in zip(ascending, shown, strict=True))
    for pts, at, duration in zip(shown, ascending, durations, strict=True):
        yield FrameTimes(pts, at - early, duration)
