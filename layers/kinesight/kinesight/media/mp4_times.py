"""Computes decoding times: Matroska stores only presentation times, MP4 needs both.

Frames are decoded in storage order, at the sorted presentation times, all shifted earlier by the largest amount by
which a frame is presented before its turn.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

TICKS_PER_SECOND = 90_000

LEAST_STEP = 12
"""Minimum ticks between decoding times of a track whose fragments overlap: MP4 measures audio in samples, 8,000 per
second or more, and two times within one sample would become equal."""


class FrameTimes(NamedTuple):
    """Times of a frame in ticks: presented at `pts` for `duration`, decoded at `dts`."""

    pts: int
    dts: int
    duration: int


def frame_times(shown: Sequence[int]) -> Iterator[FrameTimes]:
    """Yields the times of frames in storage order, given their presentation times in ticks. The last frame lasts as
    long as the one before; a single frame lasts 1/25 s."""
    if not shown:
        return
    ascending = sorted(shown)
    gaps = [after - before for before, after in pairwise(ascending)]
    durations = [*gaps, gaps[-1] if gaps else TICKS_PER_SECOND // 25]
    lead = max(at - moment for at, moment in zip(ascending, shown, strict=True))
    for pts, at, duration in zip(shown, ascending, durations, strict=True):
        yield FrameTimes(pts, at - lead, duration)
