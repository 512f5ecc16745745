"""Whatever models and cameras send, a record of it can be written and read again."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.analysis.result_records import MAXIMUM_RECORD_BYTES, encode_record
from kinesight.domain.model import Detection, ResultRecord
from kinesight.domain.plain_values import describe, plain_json, storable
from pydantic import ValidationError

from tests.builders import a_detection, a_frame, a_record

ANY_TEXT = st.text(st.characters(), max_size=20)  # surrogates included
ANY_VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.datetimes() | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3) | st.tuples(inner) | st.just({1: 2})
    ),
    max_leaves=10,
)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@given(ANY_TEXT.filter(bool), ANY_VALUE, ANY_TEXT)
def test_every_record_is_json_that_reads_as_the_same_record(label: str, value: Any, tag: str) -> None:
    record = a_record(
        a_frame(tags={tag: tag}),
        detections=(a_detection(label=label, attributes={label: value}),),
        raw_output=value,
        matched_labels=(label,),
    )

    encoded = encode_record(record, {"more": value})

    json.loads(encoded, parse_constant=refuse)
    assert ResultRecord.model_validate_json(encoded) == record


@given(ANY_TEXT)
def test_only_lone_surrogates_are_replaced(text: str) -> None:
    stored = storable(text)

    stored.encode()
    if not any("\ud800" <= one <= "\udfff" for one in text):
        assert stored == text


def test_a_pair_of_surrogates_is_its_character() -> None:
    assert storable("\ud83d\ude00 \ud83d") == "\U0001f600 \ufffd"


def test_depth_is_bounded() -> None:
    nested: Any = 1
    for _ in range(100_000):
        nested = [nested]

    record = a_record(raw_output=nested)

    assert len(encode_record(record)) < 5000


def test_other_objects_are_their_text_and_keys_are_texts() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    assert plain_json({1: moment, "x": (math.nan, -math.inf, 1.5)}) == {
        "1": "2026-01-01 00:00:00+00:00",
        "x": [None, None, 1.5],
    }


def test_a_long_label_is_cut_and_a_record_of_many_stays_within_the_limit() -> None:
    found = tuple(Detection(label="ab" * 100_000, confidence=90) for _ in range(100))

    assert {len(one.label) for one in found} == {256}
    assert found[0].label.endswith("a…")
    assert len(encode_record(a_record(detections=found))) < MAXIMUM_RECORD_BYTES


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frame": {"streamName": "front door"}}, "frame.streamName: String should match pattern"),
        ({"frame": {"imageTimestamp": "1969-12-31T23:59:59Z"}}, "frame.imageTimestamp: Value error, a timestamp is"),
        ({"frame": {"source": "drone"}}, "frame.source: Input should be"),
        ({"resultId": "../../x"}, "resultId: String should match pattern"),
        ({"detections": [{"label": "a", "confidence": math.nan}]}, "detections.0.confidence: Input should be a finite"),
        ({"detections": [{"label": "a", "confidence": 1e300}]}, "detections.0.confidence: Value error, a confidence"),
        (
            {"detections": [{"label": "a", "confidence": 1, "boundingBox": {"left": math.inf}}]},
            "detections.0.boundingBox.left: Input should be a finite number, and 3 more",
        ),
    ],
)
def test_a_record_of_another_producer_is_refused_with_one_short_reason(change: dict[str, Any], reason: str) -> None:
    document = json.loads(encode_record(a_record()))
    for name, value in change.items():
        document[name] = {**document[name], **value} if isinstance(value, dict) else value

    with pytest.raises(ValidationError) as raised:
        ResultRecord.model_validate_json(json.dumps(document))

    assert describe(raised.value).startswith(reason)
    assert len(describe(raised.value)) < 350


def test_fields_of_other_formats_and_versions_are_skipped() -> None:
    record = a_record()

    assert ResultRecord.model_validate_json(encode_record(record, {"newer": {"a": [1]}})) == record
