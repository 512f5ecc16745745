"""Any model's output by a declared mapping; the way of boxes to the sent image and back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.detectors.image_fit import Fit, SentImage, fitted, shrunk
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_presets import PRESETS, output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.errors import InvalidSettingError, ModelOutputError
from kinesight.domain.model import BoundingBox, Detection

SENT = SentImage(b"", "image/jpeg", Fit.whole((200, 100)))


def read(
    mapping: str | dict[str, Any], output: Any, *, least: float = 50, names: LabelMap | None = None
) -> tuple[Detection, ...]:
    text = mapping if isinstance(mapping, str) else json.dumps(mapping)
    body = output if isinstance(output, bytes) else json.dumps(output).encode()
    return OutputReader(output_mapping(text), names or LabelMap(), least).read(body, SENT).detections


def corners(found: Detection) -> tuple[float, ...]:
    box = found.bounding_box
    assert box is not None
    return tuple(round(one, 6) for one in (box.left, box.top, box.left + box.width, box.top + box.height))


WHERE = (0.25, 0.4, 0.5, 0.6)  # in pixels of the sent image: 50, 40, 100, 60
OUTPUTS: dict[str, list[Any]] = {
    "BUILT_IN_OBJECT_DETECTION": [
        {"prediction": [[4.0, 0.86, 0.25, 0.4, 0.5, 0.6], [0.0, 0.13, 0.0, 0.0, 0.1, 0.1]]},
        {
            "image_size": [{"width": 400, "height": 200, "depth": 3}],
            "annotations": [{"class_id": 4, "score": 0.86, "left": 100, "top": 80, "width": 100, "height": 40}],
        },
    ],
    "COCO": [
        [{"image_id": 1, "category_id": 4, "bbox": [50, 40, 50, 20], "score": 0.86}],
        {"predictions": [{"category_id": 4, "bbox": [50, 40, 50, 20], "score": 0.86}]},
    ],
    "YOLO": [[{"class": 4, "confidence": 0.86, "box": [0.375, 0.5, 0.25, 0.2]}]],
    "YOLO_PIXELS": [{"detections": [{"class": 4, "confidence": 0.86, "bbox": [75, 50, 50, 20]}]}],
    "ULTRALYTICS": [[{"class": 4, "confidence": 0.86, "box": {"x1": 50, "y1": 40, "x2": 100, "y2": 60}}]],
    "TORCHVISION": [
        {"boxes": [[50, 40, 100, 60], [0, 0, 1, 1]], "labels": [4, 1], "scores": [0.86, 0.1]},
        [{"boxes": [[50, 40, 100, 60]], "labels": [4], "scores": [0.86]}],
    ],
    "BEDROCK": [
        {
            "objects": [
                {
                    "label": "class-4",
                    "confidence": 86,
                    "box": {"left": 0.25, "top": 0.4, "width": 0.25, "height": 0.2},
                }
            ]
        }
    ],
    "HUGGING_FACE": [[{"label": "class-4", "score": 0.86, "box": {"xmin": 50, "ymin": 40, "xmax": 100, "ymax": 60}}]],
}


@pytest.mark.parametrize(("name", "output"), [(name, one) for name, outputs in OUTPUTS.items() for one in outputs])
def test_every_ready_made_form_says_the_same(name: str, output: Any) -> None:
    (found,) = read(name, output)

    assert found.label == "class-4"
    assert found.confidence == pytest.approx(86)
    assert corners(found) == WHERE


def test_every_ready_made_mapping_is_one_and_is_tried() -> None:
    assert all(output_mapping(name).forms for name in PRESETS)
    assert set(OUTPUTS) | {"BUILT_IN_IMAGE_CLASSIFICATION"} == set(PRESETS)


def test_an_image_is_classified_by_position_and_only_the_highest_confidences_count() -> None:
    shares = [0.05, 0.3, 0.2, 0.1, 0.15, 0.12, 0.08]

    found = read("BUILT_IN_IMAGE_CLASSIFICATION", shares, least=0, names=LabelMap.of(["cat", "dog"]))

    assert [one.label for one in found] == ["dog", "class-2", "class-4", "class-5", "class-3"]
    assert all(one.bounding_box is None for one in found)
    assert [one.label for one in read("BUILT_IN_IMAGE_CLASSIFICATION", shares, least=25)] == ["class-1"]


def test_a_mapping_of_ones_own() -> None:
    mapping = {
        "rows": "outputs[0].objects[?kind == 'thing']",
        "label": "name",
        "score": "sureness",
        "scoreScale": 100,
        "box": "[area[1], area[0], area[3], area[2]]",
        "attributes": {"track": "id", "colour": "looks.colour"},
    }
    thing = {"kind": "thing", "name": "van", "sureness": 86, "area": [0.4, 0.25, 0.6, 0.5], "id": 7}

    (found,) = read(mapping, {"outputs": [{"objects": [thing, {"kind": "noise"}]}]})

    assert (found.label, found.attributes) == ("van", {"track": 7, "colour": None})
    assert corners(found) == WHERE


def test_a_row_without_a_box_is_a_detection_of_the_whole_image() -> None:
    mapping = {"rows": "[*]", "label": "l", "score": "s", "box": "[b.x, b.y, b.z, b.w]"}

    assert [one.bounding_box for one in read(mapping, [{"l": "a", "s": 1, "b": None}, {"l": "b", "s": 1}])] == [
        None
    ] * 2


def test_boxes_are_clipped_and_those_outside_the_image_dropped() -> None:
    rows = [[0, 0.9, -0.5, 0.5, 0.5, 1.5], [0, 0.9, 1.2, 0.2, 1.4, 0.4], [0, 0.9, 0.2, 0.2, 0.2, 0.9]]

    assert [corners(one) for one in read("BUILT_IN_OBJECT_DETECTION", {"prediction": rows})] == [(0, 0.5, 0.5, 1)]


@pytest.mark.parametrize(
    ("mapping", "output", "complaint"),
    [
        ("COCO", b"", "COCO: not JSON"),
        ("COCO", b"[" * 100_000, "not JSON"),
        ("COCO", b"\xff\xfe", "not JSON"),
        (
            "COCO",
            b'[{"category_id": 1, "bbox": [0, 0, 1, 1], "score": NaN}]',
            "score 'score' of row 0: not a finite number",
        ),
        ("COCO", b'[{"category_id": 1, "bbox": [0, 0, 1, 1e999], "score": 1}]', r"box 'bbox' of row 0: not a finite"),
        ("COCO", {"error": "no"}, r"rows 'not_null\(predictions, detections, \[\*\]\)': not there: {\"error\""),
        ("COCO", {"predictions": 3}, "a number where a list is expected"),
        ("COCO", [{"category_id": 1, "bbox": [0, 0, 1, 1]}], "score 'score' of row 0: nothing where a number"),
        ("COCO", [{"category_id": 1, "bbox": [0, 0, 1, 1], "score": 85}], "85 is not within 0 to 1"),
        ("COCO", [{"category_id": 1, "bbox": [0, 0, 1, 1], "score": True}], "a truth value where a number"),
        ("COCO", [{"category_id": 1.5, "bbox": [0, 0, 1, 1], "score": 1}], "label 'category_id' of row 0: 1.5"),
        ("COCO", [{"category_id": -1, "bbox": [0, 0, 1, 1], "score": 1}], "-1 is no class"),
        ("COCO", [{"category_id": 1, "bbox": [0, 0, 1], "score": 1}], "a list of 3 where 4 numbers"),
        ("COCO", [{"category_id": 1, "bbox": [0, 0, -1, 1], "score": 1}], "is boxForm another"),
        ("YOLO", [{"class": 1, "box": [75, 50, 50, 20], "confidence": 1}], "far outside the image as RATIO"),
        ("TORCHVISION", {"boxes": [], "labels": [1], "scores": [1]}, "columns are of several lengths"),
        ("TORCHVISION", {"boxes": [], "labels": []}, "column score 'scores': nothing where a list"),
        ("BUILT_IN_OBJECT_DETECTION", {"prediction": [[1]]}, r"score '\[1\]' of row 0"),
        ("BUILT_IN_OBJECT_DETECTION", {"prediction": [[0, 2, 0, 0, 1, 1]]}, "2 is not within"),
        (
            "BUILT_IN_OBJECT_DETECTION",
            {"annotations": [], "image_size": [{"width": 0, "height": 1}]},
            "0 x 1 is not a size",
        ),
        ({"rows": "abs(x)", "score": "s"}, {"x": "text"}, "fails"),
    ],
)
def test_an_output_of_another_form_names_the_problem_and_its_place(mapping: Any, output: Any, complaint: str) -> None:
    with pytest.raises(ModelOutputError, match=complaint):
        read(mapping, output)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("NONSENSE", "no preset 'NONSENSE'; there are BUILT_IN_OBJECT_DETECTION"),
        ("{", "not valid JSON"),
        ("[]", "empty list"),
        ('{"rows": "a"}', "score: Field required"),
        ('{"rows": "a", "score": "b["}', "score: Value error, 'b\\[' is not a JMESPath"),
        ('{"rows": "a", "score": "b", "boxes": "c"}', "boxes: Extra inputs"),
        ('{"rows": "a", "score": "b", "scoreScale": 10}', "scoreScale"),
    ],
)
def test_a_mapping_that_is_none_says_which_field(text: str, complaint: str) -> None:
    with pytest.raises(InvalidSettingError, match=complaint):
        output_mapping(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(name=st.sampled_from(sorted(PRESETS)), output=JSON, row=JSON, key=st.sampled_from(["prediction", "boxes"]))
def test_whatever_comes_is_detections_or_a_typed_error(name: str, output: Any, row: Any, key: str) -> None:
    for one in (output, [row], {key: [row]}, {"predictions": [row, row]}):
        try:
            found = read(name, one, least=0)
        except ModelOutputError:
            continue
        for detection in found:
            assert 0 <= detection.confidence <= 100
            if detection.bounding_box is not None:
                assert all(-1e-9 <= edge <= 1 + 1e-6 for edge in corners(detection))


SIDES = st.integers(1, 4000)
SIZES = st.tuples(SIDES, SIDES)
EDGES = st.lists(st.floats(0, 1), min_size=4, max_size=4)


@given(image=SIZES, target=SIZES, edges=EDGES, resize=st.sampled_from(["LETTERBOX", "STRETCH"]))
def test_a_box_there_and_back_is_the_same(image: tuple[int, int], target: Any, edges: list[float], resize: Any) -> None:
    left, right = sorted(edges[:2])
    top, bottom = sorted(edges[2:])
    box = BoundingBox(left=left, top=top, width=right - left, height=bottom - top)
    fit = fitted(image, target, resize)

    there = fit.to_sent(box)
    back = fit.to_original(there)

    assert 0 <= fit.left <= fit.left + fit.width <= target[0]
    assert 0 <= fit.top <= fit.top + fit.height <= target[1]
    assert -1e-9 <= there.left <= there.left + there.width <= 1 + 1e-9
    assert (back.left, back.top, back.width, back.height) == pytest.approx(
        (left, top, right - left, bottom - top), abs=1e-9
    )


@given(image=SIZES, target=SIZES)
def test_a_letterbox_keeps_the_shape_and_fills_one_side(image: tuple[int, int], target: tuple[int, int]) -> None:
    fit = fitted(image, target, "LETTERBOX")

    assert fit.width == target[0] or fit.height == target[1]
    assert fit.width / image[0] == pytest.approx(fit.height / image[1], abs=1 / min(image))


@given(image=SIZES, longest=st.integers(1, 8000))
def test_shrinking_never_grows(image: tuple[int, int], longest: int) -> None:
    small = shrunk(image, longest)

    assert max(small) <= max(longest, 1)
    assert small[0] <= image[0]
    assert small[1] <= image[1]


def test_boxes_of_a_letterbox_are_those_of_the_image() -> None:
    sent = SentImage(b"", "image/jpeg", fitted((200, 100), (640, 640), "LETTERBOX"))
    row = {"class": 0, "confidence": 1, "box": [320, 320, 160, 80]}

    (found,) = (
        OutputReader(output_mapping("YOLO_PIXELS"), LabelMap(), 0).read(json.dumps([row]).encode(), sent).detections
    )

    assert corners(found) == (0.375, 0.375, 0.625, 0.625)


def test_classes_without_a_name() -> None:
    names = LabelMap.of(["", "cat", ""])

    assert [names.name(label) for label in (1, 2, 3, "1", "dog")] == ["cat", "class-2", "class-3", "cat", "dog"]
