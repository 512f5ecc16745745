"""Splits a time range into GetImages requests that cover every sampled moment with media once.

Sampled moments ("slots") are on a grid: StartTimestamp and every SamplingInterval after it, up to and including
EndTimestamp. A slot belongs to the last of the fragments that are shown at its moment. A fragment is shown for its
length; one of length 0, which is a single frame, until the next one begins.

GetImages returns no images of fragments that start before the request, so a request starts on the grid at or before the
start of its first fragment. Its last slot is at most 300 s later, and a page has at most 25 slots
(API_reader_GetImages). Moments are epoch milliseconds of the selected timestamp.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import batched, pairwise, zip_longest
from typing import ClassVar

from pydantic import ConfigDict

from kinesight.domain.ports import LONGEST_FRAGMENT_MS, FragmentSpan, ImageRequest, Slot, SlotRun

_WHEN_USED = ConfigDict(defer_build=True)
LONGEST_REQUEST_MS = 300_000
LEAST_INTERVAL_MS = 200
PAGE = 25
REQUESTS_PER_WINDOW = 10
"""Up to 250 images: Step Functions charges for each window, and a window that outlasts an invocation is continued."""
LEAST_REMAINING_MS = 150_000
"""Time that an invocation has left, of 300 s, when it begins another page of its window."""
UNLIMITED_MS = 86_400_000
"""Time where no invocation ends."""
_SPARSE_REQUESTS = 5
"""Single-slot requests per window; each costs 401 of the 10,000 metadata points per second."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Sampled moments: `start_ms`, and every `interval_ms` up to `end_ms`."""

    start_ms: int
    end_ms: int
    interval_ms: int

    def at_or_before(self, moment_ms: int) -> int:
        """Returns the last moment of the unbounded grid at or before a moment."""
        return self.start_ms + (moment_ms - self.start_ms) // self.interval_ms * self.interval_ms

    def between(self, first_ms: int, before_ms: int) -> range:
        """Returns the moments of the grid from `first_ms` on, before `before_ms`."""
        first = max(0, -(-(first_ms - self.start_ms) // self.interval_ms))
        start = self.start_ms + first * self.interval_ms
        return range(start, min(before_ms, self.end_ms + 1), self.interval_ms)


@dataclass(frozen=True, slots=True)
class Window:
    """Requests of one child of the workflow's Map. `seal`: proves that the execution has planned it (seals.py)."""

    __pydantic_config__: ClassVar[ConfigDict] = _WHEN_USED

    index: int
    requests: tuple[ImageRequest, ...]
    seal: str = ""

    @property
    def slots(self) -> list[Slot]:
        """The slots of all requests."""
        return [slot for request in self.requests for slot in request.slots]


def plan_windows(grid: Grid, fragments: Sequence[FragmentSpan]) -> list[Window]:
    """Returns windows in order of time; none for times without a slot that has media."""
    dense: list[ImageRequest] = []
    sparse: list[ImageRequest] = []
    for request in _requests(grid, fragments):
        (dense if request.interval_ms == grid.interval_ms else sparse).append(request)
    groups = (
        *batched(dense, REQUESTS_PER_WINDOW, strict=False),
        *batched(sparse, _SPARSE_REQUESTS, strict=False),
    )
    windows = [Window(0, group) for group in groups]
    windows.sort(key=lambda window: window.requests[0].start_ms)
    return [replace(window, index=index) for index, window in enumerate(windows)]


def covered_slots(grid: Grid, fragments: Sequence[FragmentSpan]) -> Iterator[tuple[FragmentSpan, range]]:
    """Yields fragments with their slots, in order of time. A fragment that others interrupt has several ranges. If
    fragments overlap, the later one has the slot."""
    for fragment, start_ms, end_ms in _shown(with_lengths(fragments)):
        slots = grid.between(start_ms, end_ms)
        if slots:
            yield fragment, slots


def overlapped_slots(grid: Grid, fragments: Sequence[FragmentSpan]) -> int:
    """Returns how many moments fragments have that are the slot of another fragment."""
    own = sum(len(grid.between(one.start_ms, one.start_ms + one.length_ms)) for one in with_lengths(fragments))
    return own - sum(len(slots) for _, slots in covered_slots(grid, fragments))


def with_lengths(fragments: Iterable[FragmentSpan]) -> list[FragmentSpan]:
    """Returns each fragment once, in order of its start; single frames have the length for which they are shown."""
    ordered = sorted({one.number: one for one in fragments}.values(), key=lambda one: (one.start_ms, _age(one)))
    gaps = [later.start_ms - one.start_ms for one, later in pairwise(ordered)]
    return [
        one if one.length_ms else replace(one, length_ms=_single_frame_ms(gaps[max(0, index - 1) : index + 1]))
        for index, one in enumerate(ordered)
    ]


def _age(fragment: FragmentSpan) -> tuple[int, str]:
    """Orders fragment numbers, which are decimal numbers without leading zeros."""
    return len(fragment.number), fragment.number


def _single_frame_ms(gaps: Sequence[int]) -> int:
    """Returns how long a single frame is shown: as long as the one before it, or else until the one after it, unless
    the camera paused. `gaps` are those before and after it."""
    return max((gap for gap in gaps if gap <= LONGEST_FRAGMENT_MS), default=1)


def _shown(fragments: Sequence[FragmentSpan]) -> Iterator[tuple[FragmentSpan, int, int]]:
    """Yields the times at which a fragment is the last one that is shown: fragment, start and end."""
    begun: list[FragmentSpan] = []
    for one, later in zip_longest(fragments, fragments[1:]):
        at_ms = one.start_ms
        begun.append(one)
        while begun and (later is None or at_ms < later.start_ms):
            end_ms = begun[-1].start_ms + begun[-1].length_ms
            until_ms = end_ms if later is None else min(end_ms, later.start_ms)
            if until_ms > at_ms:
                yield begun[-1], at_ms, until_ms
                at_ms = until_ms
            if end_ms <= at_ms:
                begun.pop()


def _requests(grid: Grid, fragments: Sequence[FragmentSpan]) -> Iterator[ImageRequest]:
    """Yields requests that combine whole fragments as long as they fit one request and one page."""
    start_ms = 0
    runs: list[SlotRun] = []
    last_ms = 0
    for fragment, slots in covered_slots(grid, fragments):
        if runs and not _fits(grid, start_ms, slots[-1]):
            yield ImageRequest(start_ms, last_ms, grid.interval_ms, tuple(runs))
            runs = []
        if not runs:
            start_ms = grid.at_or_before(fragment.start_ms)
        if slots[-1] - start_ms > LONGEST_REQUEST_MS:
            yield from (_single(fragment, at_ms) for at_ms in slots)
        else:
            runs.append(SlotRun(fragment.number, slots[0], len(slots)))
            last_ms = slots[-1]
    if runs:
        yield ImageRequest(start_ms, last_ms, grid.interval_ms, tuple(runs))


def _fits(grid: Grid, start_ms: int, last_ms: int) -> bool:
    return last_ms - start_ms <= LONGEST_REQUEST_MS and (last_ms - start_ms) // grid.interval_ms < PAGE


def _single(fragment: FragmentSpan, at_ms: int) -> ImageRequest:
    """Returns a request for one slot, for a grid that is too coarse: one interval, from the fragment's start to the
    slot."""
    interval_ms = max(LEAST_INTERVAL_MS, at_ms - fragment.start_ms)
    return ImageRequest(at_ms - interval_ms, at_ms, interval_ms, (SlotRun(fragment.number, at_ms, 1),))
