"""Identity, size and place of result records."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.analysis.result_records import (
    MAXIMUM_RECORD_BYTES,
    Matches,
    archive_key,
    encode_record,
    evidence_keys,
    make_record,
    result_id,
)
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import ModelOutputError
from kinesight.domain.model import DetectorInfo, ResultRecord, from_epoch_ms

from tests.builders import NOON_MS, a_detection, a_fragment_number, a_frame, a_record


def test_the_same_frame_has_the_same_id_whether_or_not_its_arn_is_known() -> None:
    known = a_frame(stream_arn="arn:aws:kinesisvideo:us-east-1:111122223333:stream/front-door/1700000000000")

    assert result_id(a_frame(), "d") == result_id(known, "d")


@pytest.mark.parametrize(
    "other",
    [
        {"stream_name": "back-door"},
        {"fragment_number": a_fragment_number(2)},
        {"fragment_number": None},
        {"image_timestamp": from_epoch_ms(NOON_MS + 1)},
    ],
)
def test_another_stream_fragment_or_moment_has_another_id(other: dict[str, object]) -> None:
    assert result_id(a_frame(**other), "d") != result_id(a_frame(), "d")


def test_another_detector_has_another_id() -> None:
    assert result_id(a_frame(), "one") != result_id(a_frame(), "two")


def test_records_survive_json() -> None:
    record = a_record()

    assert ResultRecord.model_validate_json(encode_record(record)) == record


def test_json_is_camel_case_with_milliseconds_and_text_fragment_numbers() -> None:
    document = json.loads(encode_record(a_record()))

    assert document["frame"]["imageTimestamp"] == "2026-01-01T12:00:00.000Z"
    assert document["frame"]["fragmentNumber"] == a_fragment_number()
    assert document["detections"][0]["boundingBox"] == {"left": 0.25, "top": 0.25, "width": 0.5, "height": 0.5}
    assert document["schemaVersion"] == 1


def test_raw_output_that_does_not_fit_is_left_out() -> None:
    output = ModelOutput(DetectorInfo(type="t", operation="o", latency_ms=1), (a_detection(),), "x" * 1_200_000)
    record = make_record(
        a_frame(), output, "d", Matches(output.detections, ("Person",), ("default",)), include_raw=True
    )

    encoded = encode_record(record)

    assert len(encoded) <= MAXIMUM_RECORD_BYTES
    assert json.loads(encoded)["rawOutput"] is None


def test_detections_that_do_not_fit_are_an_error_that_says_what_to_change() -> None:
    with pytest.raises(ModelOutputError, match="minimumConfidence"):
        encode_record(a_record(detections=tuple(a_detection(label="x" * 250) for _ in range(5000))))


def test_evidence_lies_under_stream_and_day() -> None:
    keys = evidence_keys(a_record())

    assert keys.result.startswith("results/stream=front-door/date=2026-01-01/120000000_")
    assert keys.annotated.startswith("annotated/stream=front-door/date=2026-01-01/120000000_")
    assert keys.archive == f"archive/stream=front-door/date=2026-01-01/{a_fragment_number()}.mkv"


def test_a_record_that_did_not_match_lies_in_a_folder_of_its_own() -> None:
    keys = evidence_keys(a_record(matched=False))

    assert keys.result.startswith("results/unmatched/stream=front-door/date=2026-01-01/120000000_")
    assert keys.archive == evidence_keys(a_record()).archive


def test_a_frame_without_fragment_has_no_archive() -> None:
    assert evidence_keys(a_record(a_frame(fragment_number=None))).archive is None


@given(st.integers(0, 10**128 - 1))
def test_any_fragment_number_has_a_place(number: int) -> None:
    assert archive_key("cam", str(number)).startswith("archive/stream=cam/date=")
