"""Decoding times from the times at which frames are shown."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from kinesight.media.mp4_times import FrameTimes, frame_times


def test_frames_in_presentation_order() -> None:
    assert list(frame_times([0, 10, 30])) == [FrameTimes(0, 0, 10), FrameTimes(10, 10, 20), FrameTimes(30, 30, 20)]


def test_frames_in_decoding_order() -> None:
    """I P B B: the second is shown last, so everything is decoded two frames early."""
    assert [(one.pts, one.dts) for one in frame_times([0, 30, 10, 20])] == [(0, -10), (30, 0), (10, 10), (20, 20)]


def test_no_frame_and_a_single_frame() -> None:
    assert list(frame_times([])) == []
    assert list(frame_times([5])) == [FrameTimes(5, 5, 3600)]


@given(st.lists(st.integers(0, 10_000), unique=True, min_size=1))
def test_every_frame_is_decoded_in_order_and_before_its_presentation(shown: list[int]) -> None:
    times = list(frame_times(shown))

    assert [one.pts for one in times] == shown
    assert all(before.dts < after.dts for before, after in pairwise(times))
    assert all(one.dts <= one.pts for one in times)
