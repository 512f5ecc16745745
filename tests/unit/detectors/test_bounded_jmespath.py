"""JMESPath of users has bounds, when it is configured and when it is evaluated."""

import json
from typing import Any

import pytest
from kinesight.domain.detectors.bounded_jmespath import compiled
from kinesight.domain.detectors.output_presets import PRESETS, output_mapping
from kinesight.domain.detectors.output_schema import Expression
from kinesight.domain.errors import InvalidSettingError, ModelOutputError


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a" * 1001, "more than 1000 characters"),
        ("a." * 400 + "a", "nested|parts"),
        ("[" * 400, "JMESPath expression|nested"),
        ("(" * 900, "JMESPath expression|nested"),
        ("!" * 900 + "a", "nested"),
        ("a || " * 150 + "a", "nested|parts"),
        ("[@, @][] | " * 40 + "@", "lists or objects|nested"),
        ("{a: @, b: @} | {a: @, b: @} | [@, @] | [@, @]", "more than 3 lists"),
        ("[" + ", ".join("a" * 250) + "]", "more than 200 parts"),
        ("a[", "not a JMESPath expression"),
    ],
)
def test_what_is_too_large_is_refused_when_it_is_configured(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        compiled(text)
    with pytest.raises(InvalidSettingError, match=r"modelMapping: rows"):
        output_mapping(json.dumps({"rows": text, "score": "s"}))


def test_the_presets_are_far_within_the_bounds() -> None:
    assert all(output_mapping(name).forms for name in PRESETS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[*].[a, a][].[a, a][]", [{"a": {"a": 1}}] * 400_000),
        ("[?a || b || c || d]", [{}] * 200_000),
        ("join('', [*])", ["x" * 10_000] * 200),
    ],
)
def test_an_evaluation_that_grows_is_an_error_of_the_output(text: str, value: Any) -> None:
    with pytest.raises(ModelOutputError, match="more than"):
        Expression(text).search(value)


def test_a_large_output_is_read() -> None:
    rows = [{"score": 0.5}] * 100_000

    assert Expression("not_null(predictions, [*])").search({"predictions": rows}) == rows
    assert len(Expression("[?score > `0.1`].score").search(rows)) == 100_000
