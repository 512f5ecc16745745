"""Which streams are selected, by the parameters StreamNames and TagFilters."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.streams.selection import StreamSelection, tag_filter_documents
from kinesight_local.template import read_template

TEMPLATE = Path(__file__).resolve().parents[3] / "template.yaml"
PLACES = {"key": "Location", "values": ["Front", "Parking"]}
TAG = st.text(st.sampled_from("abzAZ09éß_.:/+@- "), min_size=1, max_size=12).filter(lambda text: text == text.strip())


NO_FILTERS = ["Location", "=Front", "Location=", "Location=a|", "Location=a,", "a=b|*", 'a="b"', "a=b{", "{"]


def pattern() -> re.Pattern[str]:
    return re.compile(read_template(TEMPLATE)["Parameters"]["TagFilters"]["AllowedPattern"])


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("", []),
        ("  ", []),
        ("Location=Front|Parking", [PLACES]),
        ("Location=Front|Parking,Floor=1", [PLACES, {"key": "Floor", "values": ["1"]}]),
        (" Location = Front | Parking , Floor = 1 ", [PLACES, {"key": "Floor", "values": ["1"]}]),
        ("Location=*", [{"key": "Location"}]),
        ("team:owner=a/b=c", [{"key": "team:owner", "values": ["a/b=c"]}]),
        ('{"key":"Location"}', [{"key": "Location"}]),
        ('{"key":"Location"}, {"key":"Floor"}', [{"key": "Location"}, {"key": "Floor"}]),
        (json.dumps(PLACES), [PLACES]),
        (f" [{json.dumps(PLACES)}]\n", [PLACES]),
    ],
)
def test_both_forms_are_read(text: str, documents: list[Any]) -> None:
    assert tag_filter_documents(text) == documents
    assert not text.strip() or pattern().match(text)


@pytest.mark.parametrize("text", [*NO_FILTERS, "[1", "[{]"])
def test_what_is_no_filter_is_an_error_with_an_example(text: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"Location=Front\|Parking|is not valid JSON"):
        tag_filter_documents(text)


@pytest.mark.parametrize("text", NO_FILTERS)
def test_the_template_rejects_it_before_a_deployment(text: str) -> None:
    assert not pattern().match(text)


@pytest.mark.parametrize("text", ['{"name":"a"}', '{"key":""}', "[1]", '{"key":"a","values":"b"}'])
def test_json_of_another_shape_is_an_error(text: str) -> None:
    with pytest.raises(InvalidSettingError, match="expected"):
        StreamSelection.read((), text)


@given(st.dictionaries(TAG, st.lists(TAG, min_size=1, max_size=3, unique=True), min_size=1, max_size=4))
def test_every_tag_can_be_typed(filters: dict[str, list[str]]) -> None:
    typed = ",".join(f"{key}={'|'.join(values)}" for key, values in filters.items())

    selection = StreamSelection.read((), typed)

    assert pattern().match(typed)
    assert {one.key: list(one.values) for one in selection.tag_filters} == filters
    assert selection.matches_tags({key: values[0] for key, values in filters.items()})
    assert not selection.matches_tags({})
