"""Licence plates in text: known ones a few characters off, and ones by their form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.detectors.licence_plates import PlateFound, PlateRules, edit_distance, normalized
from kinesight.domain.errors import InvalidSettingError

TEXTS = st.text(alphabet="AB12", max_size=8)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("K TP 1234", PlateFound("KTP1234", "K-TP 1234", 0)),
        ("k·tp-1234", PlateFound("KTP1234", "K-TP 1234", 0)),
        ("K TP 1Z34", PlateFound("KTP1Z34", "K-TP 1234", 1)),
        ("K TP 123", PlateFound("KTP123", "K-TP 1234", 1)),
        ("DK TP 1234", PlateFound("DKTP1234", "K-TP 1234", 1)),
        ("K TP 9934", None),
        ("AB12 CDE", PlateFound("AB12CDE")),
        ("AB12 CDE 7", None),
        ("A1", PlateFound("A1", "A1", 0)),
        ("B1", None),
        ("", None),
        ("---", None),
    ],
)
def test_what_is_a_plate(read: str, expected: PlateFound | None) -> None:
    rules = PlateRules.of(["K-TP 1234", "A1", " "], "[A-Z]{2}[0-9]{2}[A-Z]{3}", 1)

    assert rules.find(read) == expected


def test_the_nearest_known_plate_comes_before_the_pattern() -> None:
    rules = PlateRules.of(["AB12CDE", "AB12CDF"], "[A-Z0-9]+", 2)

    assert rules.find("AB12CDF") == PlateFound("AB12CDF", "AB12CDF", 0)
    assert rules.find("AB12CDX") == PlateFound("AB12CDX", "AB12CDE", 1)
    assert rules.find("ZZZZ") == PlateFound("ZZZZ")


def test_without_plates_and_form_nothing_is_one() -> None:
    rules = PlateRules.of([], None, 3)

    assert not rules.is_set
    assert rules.find("AB12CDE") is None


def test_a_form_that_is_no_regular_expression_is_a_wrong_setting() -> None:
    with pytest.raises(InvalidSettingError, match="platePattern"):
        PlateRules.of([], "[A-Z", 1)


@given(TEXTS, TEXTS)
def test_distance_is_a_distance(one: str, other: str) -> None:
    distance = edit_distance(one, other)

    assert distance == edit_distance(other, one)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))
    assert (distance == 0) == (one == other)


@given(TEXTS, TEXTS, TEXTS)
def test_a_detour_is_never_shorter(one: str, via: str, other: str) -> None:
    assert edit_distance(one, other) <= edit_distance(one, via) + edit_distance(via, other)


@given(st.text())
def test_what_is_normal_stays_so(text: str) -> None:
    assert normalized(normalized(text)) == normalized(text)
