"""Rows of a model output that are no detection are dropped and counted; the others count."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.detectors.image_fit import Fit, SentImage
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader, Reading
from kinesight.domain.errors import ModelOutputError

CASE = Path(__file__).parents[2] / "field_cases/03-padded-output/torchvision-padded.json"
SENT = SentImage(b"", "image/jpeg", Fit.whole((200, 100)))
CAR = {"category_id": 3, "bbox": [20, 20, 50, 40], "score": 0.9}


def read(preset: str, body: Any, least: float = 50) -> Reading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return OutputReader(output_mapping(preset), LabelMap(), least).read(raw, SENT)


def test_a_padded_output_has_its_one_detection() -> None:
    found = read("TORCHVISION", CASE.read_bytes())

    assert [(one.label, one.confidence) for one in found.detections] == [("class-1", 90)]
    assert found.dropped_rows == 2


@pytest.mark.parametrize("least", [0, 50])
def test_an_output_of_padding_alone_shows_nothing(least: float) -> None:
    padding = {"boxes": [[-1] * 4, [0] * 4], "labels": [-1, 0], "scores": [-1, 0]}

    assert read("TORCHVISION", padding, least) == Reading((), 2)


@pytest.mark.parametrize(
    "row",
    [
        {**CAR, "score": float("nan")},
        {**CAR, "score": float("inf")},
        {**CAR, "score": 1e300},
        {**CAR, "score": "sure"},
        {**CAR, "score": None},
        {**CAR, "bbox": [0, 0, float("inf"), 10]},
        {**CAR, "bbox": [float("nan")] * 4},
        {**CAR, "bbox": [0, 0, 1e12, 10]},
        {**CAR, "bbox": [-1, -1, -1, -1]},
        {**CAR, "bbox": [1, 2]},
        {**CAR, "category_id": -1},
        {**CAR, "category_id": 10**400},
        "a text",
    ],
)
def test_a_row_that_cannot_be_read_is_dropped_alone(row: Any) -> None:
    before, after = read("COCO", [row, CAR]), read("COCO", [CAR, row])

    assert before == after
    assert (len(after.detections), after.dropped_rows) == (1, 1)
    with pytest.raises(ModelOutputError):
        read("COCO", [row])


def test_a_mapping_that_reads_no_confident_row_is_an_error_despite_padding_and_unsure_rows() -> None:
    in_pixels = {"class": 1, "box": [75, 50, 50, 20], "confidence": 0.9}
    unsure, padding = {**in_pixels, "confidence": 0.1}, {**in_pixels, "confidence": 0}

    with pytest.raises(ModelOutputError, match="is boxUnit another"):
        read("YOLO", [in_pixels, unsure, padding])


def test_nan_in_a_field_that_is_not_read_harms_nothing() -> None:
    found = read("COCO", b'{"loss": NaN, "predictions": [%s]}' % json.dumps({**CAR, "area": float("-inf")}).encode())

    assert (len(found.detections), found.dropped_rows) == (1, 0)


def test_nan_in_an_attribute_is_null() -> None:
    mapping = json.dumps({"rows": "[*]", "label": "l", "score": "s", "attributes": {"speed": "v", "all": "@"}})

    (found,) = read(mapping, [{"l": "a", "s": 1, "v": float("nan")}]).detections

    assert found.attributes == {"speed": None, "all": {"l": "a", "s": 1, "v": None}}


@given(st.lists(st.sampled_from([CAR, {**CAR, "score": -1}, {**CAR, "score": float("nan")}, {**CAR, "score": 0.2}])))
def test_every_confident_row_is_read_and_every_other_one_accounted_for(rows: list[dict[str, Any]]) -> None:
    kinds = [row["score"] for row in rows]
    readable = [one for one in kinds if one in (0.9, 0.2)]
    if not readable and any(math.isnan(one) for one in kinds):
        with pytest.raises(ModelOutputError):
            read("COCO", rows)
        return

    found = read("COCO", rows)

    assert len(found.detections) == kinds.count(0.9)
    assert found.dropped_rows == len(kinds) - len(readable)
