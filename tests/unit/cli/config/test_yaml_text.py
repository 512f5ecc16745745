"""YAML and JSON are two forms of the same document."""

import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kinesight_cli.config.command import SAMPLE
from kinesight_cli.shared.source_text import UnreadableTextError
from kinesight_cli.shared.yaml_text import read_yaml, to_yaml

AMBIGUOUS = """on Off yes true null ~ 1e3 1e+3 007 0o17 0x1f 19:00 2026-11-20 .nan -.inf 1_000 = << - a: # &a *a !a
%a @a `a { [ , ? | > ' " --- ... 1. .5 +1 1:30.5"""
SPACED = ["", " a ", "a\nb", "- a", "a: b", "# a", "\x85", "\u2028 ", "\ufeff", "\t"]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from([*AMBIGUOUS.split(), *SPACED])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(texts, inside, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
@example({"on": [[0, 0.5], [1e20, -1e-7]]})
def test_a_value_survives_yaml(value: Any) -> None:
    found = read_yaml(to_yaml(value))

    assert json.dumps(found.value) == json.dumps(value)
    assert found.problems == []


@settings(deadline=None)
@given(values)
def test_yaml_1_1_reads_the_same(value: Any) -> None:
    """Other programs implement YAML 1.1."""
    assert json.dumps(yaml.safe_load(to_yaml(value))) == json.dumps(value)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UnreadableTextError):
        assert json.dumps(read_yaml(text).value)


def test_pyyaml_keeps_its_own_rules() -> None:
    assert yaml.safe_load("on: 19:00") == {True: 1140}


def test_the_sample_is_readable() -> None:
    text = to_yaml(json.loads(SAMPLE.read_text()))

    assert text.startswith("$schema: ./configuration.schema.json\nschemaVersion: 1\n")
    assert "    - [0.25, 0.55]\n" in text


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("cameras",), 2),
        (("cameras", 0), 3),
        (("cameras", 0, "labels"), 4),
        (("cameras", 0, "labels", 1), 6),
        (("cameras", 0, "labels", 9), 4),
        (("cameras", 0, "unknown", "inside"), 3),
    ],
)
def test_a_path_has_its_line(path: tuple[str | int, ...], line: int) -> None:
    text = "schemaVersion: 1\ncameras:\n- streams: [a]\n  labels:\n  - Dog\n  - Cat\n"

    assert read_yaml(text).line_of(path) == line
