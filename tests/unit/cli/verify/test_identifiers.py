"""Captures have no identifiers."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # has no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight_cli.verify.capture.file import names_of
from kinesight_cli.verify.capture.identifiers import without_identifiers
from kinesight_cli.verify.capture.model import Capture, CapturedLatency

from tests.examples import examples
from tests.unit.cli.verify.runs import ACCOUNT, RESOURCES, STREAM, a_deployment

ROOT = Path(__file__).resolve().parents[4]
NAMES = names_of(a_deployment())


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        (
            f"images/{ACCOUNT}_{STREAM}_1690707290324_0bd4b9f5-4c8b-4f2a-9d2e-0a1b2c3d4e5f.jpg",
            "images/ACCOUNT_STREAM_EPOCH_MS_GUID.jpg",
        ),
        ("arn:aws:sns:us-east-1:999988887777:x/1690707290324", "arn:aws:sns:us-east-1:ACCOUNT:x/EPOCH_MS"),
        ("91343852333181432427344383784025768062762949144", "FRAGMENT"),
        ("1690707290.324", "EPOCH_S"),
        ("s3://images-bucket/images", "s3://ImagesBucket/images"),
        (
            "arn:aws:sts::999988887777:assumed-role/Admin/jane@example.com",
            "arn:aws:sts::ACCOUNT:assumed-role/PRINCIPAL",
        ),
        ("from 192.0.2.17: https://kinesisvideo.eu-west-1.amazonaws.com/x?y", "from ADDRESS: URL"),
        ("2026-11-30T12:00:00.123Z", "TIME"),
        ("s3://bucket/images/, interval 3000, version 1.43.93", "s3://bucket/images/, interval 3000, version 1.43.93"),
    ],
)
def test_identifiers_in_texts(text: str, replaced: str) -> None:
    assert without_identifiers(text, NAMES) == replaced


def test_numbers_that_are_timestamps() -> None:
    document = {"FragmentStartProducerTimestamp": 1690707290324, "at": 1690707290.324, "SamplingInterval": 3000}

    assert without_identifiers(document, NAMES) == {
        "FragmentStartProducerTimestamp": "EPOCH_MS",
        "at": "EPOCH_S",
        "SamplingInterval": 3000,
    }


_HIDDEN = st.sampled_from([ACCOUNT, "999988887777", STREAM, *RESOURCES.values()])
_VALUES = st.recursive(
    st.tuples(st.text("ab_-/: ", max_size=3), _HIDDEN, st.text("xy_-/. ", max_size=3)).map("".join),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_HIDDEN, inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=examples(20))
@given(_VALUES)
def test_no_known_name_is_left_in_any_document(value: Any) -> None:
    text = json.dumps(without_identifiers(value, NAMES))

    assert not [one for one in ("999988887777", STREAM, *NAMES) if one in text]


def test_a_capture_fits_its_schema() -> None:
    schema = json.loads((ROOT / "docs/capture.schema.json").read_text())
    latency = CapturedLatency(step="image", status="ok", seconds=1.5, waits_for="aws")
    capture = Capture(source="aws", region="eu-west-1", botocore="1.43.93", latencies=(latency,))
    validator = jsonschema.Draft202012Validator(schema)

    validator.validate(json.loads(capture.model_dump_json(by_alias=True)))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**json.loads(capture.model_dump_json(by_alias=True)), "source": "elsewhere"})
