"""When an image is due, and the metadata of its object."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from kinesight_local.kvs.delivery.image_objects import metadata
from kinesight_local.kvs.media.images import SamplingClock


@given(
    times=st.lists(st.integers(0, 5000), min_size=1, unique=True).map(sorted),
    interval_ms=st.integers(200, 2000),
    cut=st.integers(0, 50),
)
def test_ticks_are_even_across_fragments(times: list[int], interval_ms: int, cut: int) -> None:
    frames = [Fraction(at) for at in times]
    clock = SamplingClock()

    picked = clock.pick(frames[:cut], interval_ms) + clock.pick(frames[cut:], interval_ms)

    assert picked == SamplingClock().pick(frames, interval_ms)
    assert picked[0] == frames[0]
    ticks = [(at - frames[0]) // interval_ms for at in picked]
    assert ticks == sorted(set(ticks))
    assert set(ticks) == {(at - frames[0]) // interval_ms for at in frames}


def test_the_clock_restarts_when_time_goes_back() -> None:
    clock = SamplingClock()
    frames = [Fraction(at) for at in range(0, 1000, 100)]
    later = [at + 60_000 for at in frames]

    assert clock.pick(later, 500) == [60_000, 60_500]
    assert clock.pick(frames, 500) == [0, 500]


def test_metadata_that_is_no_header_or_exceeds_2_kb_is_omitted() -> None:
    standard = {"aws_kinesisvideo_fragment_number": "1"}
    custom = {
        "Door": "open",
        "two words": "x",
        "a:b": "x",
        "": "x",
        "Tür": "auf",
        "note": "zeile\n",
        "AWS_kinesisvideo_fragment_number": "forged",
        "long": "v" * 2048,
    }

    assert metadata(standard, custom) == standard | {"door": "open"}
