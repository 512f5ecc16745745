"""The planner against a model of GetImages: every sampled moment with media once, nothing else, within the limits."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.on_demand.windows import (
    LONGEST_REQUEST_MS,
    PAGE,
    REQUESTS_PER_WINDOW,
    Grid,
    covered_slots,
    overlapped_slots,
    plan_windows,
)
from kinesight.domain.ports import FragmentSpan, ImageRequest

from tests.examples import examples

HOUR_MS = 3_600_000


def spans(*starts_and_lengths: tuple[int, int]) -> list[FragmentSpan]:
    return [
        FragmentSpan(str(10**46 + index), start, length) for index, (start, length) in enumerate(starts_and_lengths)
    ]


@st.composite
def recordings(draw: st.DrawFn) -> list[FragmentSpan]:
    """Fragments of all lengths, with gaps now and then, some sent twice or overlapping."""
    at_ms = draw(st.integers(0, 100_000))
    found = []
    for _ in range(draw(st.integers(0, 40))):
        length = draw(st.integers(1, 20_000))
        found.append((at_ms, length))
        step = draw(st.sampled_from([0, length // 2, length, length, length, length + 1, length + 700_000]))
        at_ms += step
    return spans(*found)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    start_ms = draw(st.integers(-10_000, 200_000))
    interval_ms = draw(st.one_of(st.integers(200, 5000), st.integers(5000, 2 * HOUR_MS)))
    return Grid(start_ms=start_ms, end_ms=start_ms + draw(st.integers(0, HOUR_MS)), interval_ms=interval_ms)


def expected(grid: Grid, fragments: Sequence[FragmentSpan]) -> dict[int, str]:
    """Slot → fragment, the slow way."""
    ordered = sorted(fragments, key=lambda one: (one.start_ms, one.number))
    found = {}
    for at_ms in range(grid.start_ms, grid.end_ms + 1, grid.interval_ms):
        shown = [one for one in ordered if one.start_ms <= at_ms < one.start_ms + one.length_ms]
        if shown:
            found[at_ms] = shown[-1].number
    return found


def returned(request: ImageRequest, fragments: Sequence[FragmentSpan]) -> dict[int, str]:
    """Images that GetImages returns: from the last fragment that starts within the request, up to its end."""
    seen = [one for one in fragments if request.start_ms <= one.start_ms <= request.end_ms]
    grid = Grid(start_ms=request.start_ms, end_ms=request.end_ms, interval_ms=request.interval_ms)
    return {at_ms: number for at_ms, number in expected(grid, seen).items() if number == last_begun(seen, at_ms)}


def last_begun(fragments: Sequence[FragmentSpan], at_ms: int) -> str:
    begun = [one for one in fragments if one.start_ms <= at_ms]
    return max(begun, key=lambda one: (one.start_ms, one.number)).number


@settings(max_examples=examples(300), deadline=None)
@given(grid=grids(), fragments=recordings())
def test_every_sampled_moment_is_requested_once_and_returned(grid: Grid, fragments: list[FragmentSpan]) -> None:
    windows = plan_windows(grid, fragments)
    slots = Counter(slot.at_ms for window in windows for slot in window.slots)

    assert dict.fromkeys(expected(grid, fragments), 1) == dict(slots)
    for window in windows:
        for request in window.requests:
            given_back = returned(request, fragments)
            for slot in request.slots:
                # The end of a fragment that another one interrupts is decoded from the fragment.
                is_interrupted = slot.fragment_number != last_begun(fragments, slot.at_ms)
                assert is_interrupted or given_back.get(slot.at_ms) == slot.fragment_number


@settings(max_examples=examples(300), deadline=None)
@given(grid=grids(), fragments=recordings())
def test_every_moment_of_every_fragment_is_a_slot_or_counted_as_overlapped(
    grid: Grid, fragments: list[FragmentSpan]
) -> None:
    slots = sum(len(window.slots) for window in plan_windows(grid, fragments))

    own = sum(len(expected(grid, [one])) for one in fragments)
    assert slots + overlapped_slots(grid, fragments) == own


@settings(max_examples=examples(300), deadline=None)
@given(grid=grids(), fragments=recordings())
def test_requests_keep_the_limits(grid: Grid, fragments: list[FragmentSpan]) -> None:
    longest = max((one.length_ms for one in fragments), default=0) // grid.interval_ms + 2  # one fragment is not cut
    windows = plan_windows(grid, fragments)

    assert [window.index for window in windows] == list(range(len(windows)))
    for window in windows:
        assert 0 < len(window.requests) <= REQUESTS_PER_WINDOW
        for request in window.requests:
            assert request.interval_ms >= 200
            assert 0 <= request.end_ms - request.start_ms <= LONGEST_REQUEST_MS
            assert (request.end_ms - request.start_ms) // request.interval_ms < max(PAGE, longest)
            assert request.slots


def test_a_day_of_two_second_fragments_at_one_image_per_second() -> None:
    fragments = spans(*((at, 2000) for at in range(0, 24 * HOUR_MS, 2000)))

    windows = plan_windows(Grid(start_ms=0, end_ms=24 * HOUR_MS - 1, interval_ms=1000), fragments)

    assert sum(len(window.slots) for window in windows) == 86_400
    assert {len(request.slots) for window in windows for request in window.requests} == {24}  # whole fragments
    assert [len(window.requests) for window in windows] == [REQUESTS_PER_WINDOW] * 360


def test_gaps_are_not_requested() -> None:
    fragments = spans((0, 2000), (900_000, 2000))

    (window,) = plan_windows(Grid(start_ms=0, end_ms=HOUR_MS, interval_ms=1000), fragments)

    assert [(one.start_ms, one.end_ms) for one in window.requests] == [(0, 1000), (900_000, 901_000)]


def test_a_coarse_grid_requests_single_moments() -> None:
    fragments = spans(*((at, 2000) for at in range(500, 2 * HOUR_MS, 2000)))

    windows = plan_windows(Grid(start_ms=0, end_ms=2 * HOUR_MS, interval_ms=600_000), fragments)

    requests = [request for window in windows for request in window.requests]
    assert [slot.at_ms for request in requests for slot in request.slots] == [600_000 * n for n in range(1, 13)]
    assert all(request.interval_ms == 1500 for request in requests)


def test_without_media_nothing_is_requested() -> None:
    assert plan_windows(Grid(start_ms=0, end_ms=1000, interval_ms=200), []) == []


def test_a_single_frame_is_shown_until_the_next_one() -> None:
    case = Path(__file__).resolve().parents[2] / "field_cases" / "02-fragments-of-length-0" / "list-fragments.json"
    fragments = [
        FragmentSpan(one["FragmentNumber"], round(1000 * one["ProducerTimestamp"]), 0)
        for one in json.loads(case.read_text())["Fragments"]
    ]
    start_ms = 1_790_000_000_000

    (window,) = plan_windows(Grid(start_ms, start_ms + 8000, 1000), fragments)

    assert [slot.at_ms - start_ms for slot in window.slots] == [1000 * n for n in range(1, 9)]
    assert [slot.fragment_number for slot in window.slots] == [one.number for one in fragments]


def test_a_single_frame_before_a_pause_is_shown_as_long_as_the_one_before() -> None:
    grid = Grid(0, 100_000, 500)

    slots = [range_ for _, range_ in covered_slots(grid, spans((0, 0), (2000, 0), (60_000, 0)))]

    assert slots == [range(0, 2000, 500), range(2000, 4000, 500), range(60_000, 60_001, 500)]


def test_a_fragment_is_analyzed_on_after_a_shorter_one_that_overlaps_it() -> None:
    grid, fragments = Grid(0, 20_000, 1000), spans((0, 10_000), (2000, 3000))

    slots = [(fragment.number[-1], [*range_]) for fragment, range_ in covered_slots(grid, fragments)]

    assert slots == [("0", [0, 1000]), ("1", [2000, 3000, 4000]), ("0", [5000, 6000, 7000, 8000, 9000])]
    assert overlapped_slots(grid, fragments) == 3


def test_two_fragments_of_the_same_time_are_not_silent() -> None:
    grid, fragments = Grid(0, 20_000, 1000), spans((500, 2000), (900, 2000))

    assert [slot.fragment_number[-1] for window in plan_windows(grid, fragments) for slot in window.slots] == ["1", "1"]
    assert overlapped_slots(grid, fragments) == 2


def test_a_fragment_that_is_listed_twice_counts_once() -> None:
    (fragment,) = spans((0, 2000))

    assert overlapped_slots(Grid(0, 20_000, 1000), [fragment, fragment]) == 0
