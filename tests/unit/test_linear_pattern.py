"""Patterns of users match as Python's do, in time that only grows with text and pattern."""

import re
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.linear_pattern import LinearPattern

ATOMS = st.sampled_from(
    ["A", "B", "7", ".", r"\d", r"\w", r"\D", "[AB]", "[^A]", "[A-C7]", r"[\d-]", "[]A]", r"\.", "[A-]"]
)
SIGNS = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,}", "{0}"])
PATTERNS = st.recursive(
    st.tuples(ATOMS, SIGNS).map("".join),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.tuples(st.lists(inner, max_size=3).map("|".join).map("({})".format), SIGNS).map("".join)
        | st.tuples(inner.map("(?:{})".format), SIGNS).map("".join)
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text("AB7.-]", max_size=6))
def test_what_matches_is_what_python_matches(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = re.fullmatch(pattern, text) is not None

    assert LinearPattern(pattern).matches(text) is expected


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("[A-Z]{2}[0-9]{2}[A-Z]{3}", "AB12CDE", "AB12CD"),
        ("^[A-Z]{1,3}[A-Z]{1,2}[0-9]{1,4}[EH]?$", "KTP1234E", "KTP12345"),
        (r"(\d{4}[B-Z]{3}|[A-Z]{1,2}\d{4}[A-Z]{2})", "1234BCD", "1234ABC"),
        ("", "", "A"),
    ],
)
def test_plates(pattern: str, yes: str, no: str) -> None:
    assert LinearPattern(pattern).matches(yes)
    assert not LinearPattern(pattern).matches(no)


@pytest.mark.parametrize("pattern", ["(A+)+B", "(A|A)*B", "(A*)*(A*)*B", "(.*)*C", "A*" * 90 + "B", "(A{1,9}){1,9}B"])
def test_no_pattern_is_catastrophic(pattern: str) -> None:
    compiled = LinearPattern(pattern)
    begun = time.process_time()

    assert not compiled.matches("A" * 200)
    # Python's own takes years for most of these. Processor time, and a wide margin: this is no benchmark.
    assert time.process_time() - begun < 5


def test_long_texts_do_not_match() -> None:
    assert not LinearPattern("A*").matches("A" * 201)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"(A)\1", "backreferences are not supported"),
        ("A(?=B)", "look-around, including look-ahead and look-behind, is not supported"),
        ("(", "unclosed group"),
        ("A)", "unopened group"),
        ("A)|(B", "unopened group"),
        ("[A", "unclosed character class"),
        ("[B-A]", "invalid character class range"),
        ("A{3,2}", "invalid repetition count range"),
        ("A\\", "incomplete escape sequence"),
        ("A" * 201, "more than 200 characters"),
        ("((A{100}){100}){100}", "exceeds size limit"),
    ],
)
def test_what_is_not_supported_is_named(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        LinearPattern(pattern)
