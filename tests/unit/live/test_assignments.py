"""The conductor's assignment of streams to slots."""

from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.live.assignments import assign

WEIGHTS = st.dictionaries(st.sampled_from([f"stream-{n:02}" for n in range(40)]), st.sampled_from([0.5, 1.0, 2.0, 7.0]))


def test_streams_stay_and_a_new_one_goes_to_the_slot_with_the_least_weight() -> None:
    current = {"0000": ("a", "b", "c"), "0001": ("d", "e")}

    assert assign(dict.fromkeys("abcdef", 1.0), current, 3) == {"0000": ("a", "b", "c"), "0001": ("d", "e", "f")}


def test_another_slot_is_opened_when_all_are_full() -> None:
    assert assign(dict.fromkeys("abc", 1.0), {"0000": ("a", "b")}, 2) == {"0000": ("a", "b"), "0001": ("c",)}


def test_slots_that_are_not_needed_any_more_hand_over_their_streams() -> None:
    current = {"0000": ("a", "b"), "0001": ("c", "d")}

    assert assign(dict.fromkeys("ad", 1.0), current, 2) == {"0000": ("a", "d")}
    assert assign({}, current, 2) == {}


def test_weights_that_do_not_fit_together_get_slots_of_their_own() -> None:
    slots = assign(dict.fromkeys("abcde", 4.0) | {"f": 30.0}, {}, 10)

    assert sorted(map(len, slots.values())) == [1, 1, 2, 2]
    assert ("f",) in slots.values()


@given(WEIGHTS, WEIGHTS, st.integers(1, 10))
def test_every_stream_has_one_slot_and_no_slot_is_too_heavy(
    before: dict[str, float], after: dict[str, float], most: int
) -> None:
    slots = assign(after, assign(before, {}, most), most)

    assert sorted(arn for streams in slots.values() for arn in streams) == sorted(after)
    assert list(slots) == [f"{number:04}" for number in range(len(slots))]
    for streams in slots.values():
        assert streams
        assert len(streams) == 1 or sum(after[arn] for arn in streams) <= most
    assert assign(after, slots, most) == slots
