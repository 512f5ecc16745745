"""Fragments of live sources: what they hold, and their times on this machine's clock."""

from fractions import Fraction

import pytest
from kinesight_cli.put_video.live_fragments import WallClock, grouped
from kinesight_cli.put_video.live_frames import Arrival
from kinesight_cli.put_video.live_source import LiveSource, is_live, reason, without_password
from kinesight_cli.shared.video_file import EncodedFrame, UnusableVideoError

from tests.builders import NOON_MS


def frames(*times_ms: int, keyframe_ms: int = 1000, delay_ms: int = 0) -> list[Arrival]:
    """Frames that arrive as they are shown, from noon on, a keyframe at each multiple of `keyframe_ms`."""
    return [
        Arrival(EncodedFrame(Fraction(one), one % keyframe_ms == 0, b"x"), NOON_MS + one + delay_ms) for one in times_ms
    ]


def spans(arrivals: list[Arrival], fragment_ms: int = 1000) -> list[tuple[int, int, int]]:
    """First and last frame's time of each group, and its length."""
    return [
        (int(group[0].frame.at_ms), int(group[-1].frame.at_ms), int(length))
        for group, length in grouped(iter(arrivals), fragment_ms)
    ]


def test_a_fragment_ends_at_the_first_keyframe_that_is_due() -> None:
    assert spans(frames(*range(0, 4000, 500)), 2000) == [(0, 1500, 2000), (2000, 3500, 2000)]


def test_video_before_the_first_keyframe_and_a_short_rest_are_left_out() -> None:
    assert spans(frames(*range(700, 3000, 100), 3000, 3100)) == [(1000, 1900, 1000), (2000, 2900, 1000)]


def test_frames_that_are_shown_before_their_keyframe_are_left_out() -> None:
    assert spans(frames(0, 500, 1000, 900, 1500, 2000)) == [(0, 500, 1000), (1000, 1500, 1000)]


def test_times_that_begin_anew_begin_a_fragment() -> None:
    assert spans(frames(5000, 5500, 6000, 6500, 0, 500, 1000)) == [
        (5000, 5500, 1000),
        (6000, 6500, 1000),
        (0, 500, 1000),
    ]


@pytest.mark.parametrize("arrivals", [frames(0, *range(100, 30_000, 100), keyframe_ms=60_000)])
def test_keyframes_that_are_too_far_apart_are_rejected(arrivals: list[Arrival]) -> None:
    with pytest.raises(UnusableVideoError, match="keyframe interval"):
        spans(arrivals)


def test_the_smallest_delay_of_a_fragment_counts() -> None:
    late, punctual = frames(0, delay_ms=900), frames(500, delay_ms=30)

    assert WallClock().origin_ms(late + punctual) == NOON_MS + 30


def test_small_changes_of_the_delay_do_not_move_the_clock() -> None:
    clock = WallClock()

    origins = [clock.origin_ms(frames(at, at + 500, delay_ms=at % 700)) for at in range(0, 5000, 1000)]

    assert origins == [NOON_MS] * 5


def test_after_a_gap_the_clock_is_right_again() -> None:
    clock = WallClock()
    clock.origin_ms(frames(0, 500))

    assert clock.origin_ms(frames(1000, 1500, delay_ms=60_000)) == NOON_MS + 60_000


def test_times_never_go_backwards() -> None:
    clock = WallClock()
    clock.origin_ms(frames(0, 5000))
    clock.restart()

    assert clock.origin_ms(frames(2000, 2500)) + 2000 == NOON_MS + 5001


@pytest.mark.parametrize(
    ("address", "live"),
    [
        ("-", True),
        ("rtsp://camera/live", True),
        ("/dev/null", True),
        ("file:///tmp/a.mp4", False),
        ("a.mp4", False),
        ("C:/a.mp4", False),
    ],
)
def test_what_is_a_live_source(address: str, live: bool) -> None:
    assert is_live(address) is live


def test_messages_hold_no_password() -> None:
    address = "rtsp://admin:secret@camera:554/live?token=secret"

    assert str(LiveSource(address)) == without_password(address) == "rtsp://camera:554/live"
    assert reason(OSError(111, "Connection refused", address)) == "Connection refused"
