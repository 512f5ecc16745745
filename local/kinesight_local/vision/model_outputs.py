"""Detections in the output formats of common models: those that `modelMapping` has presets for.

The name selects the format: an endpoint `people-yolo-pixels` or a path `/models/yolo-pixels` returns what YOLO_PIXELS
expects. Any other endpoint returns the output of the built-in Object Detection algorithm, in the format of the Accept
header.
"""

from collections.abc import Callable, Sequence
from typing import Any

from kinesight_local.vision.detection import Detection

CLASSES = ("Person", "Face", "Cat")
"""The model's classes by index."""

Size = tuple[int, int]
"""Width and height, pixels."""
_ROWS = 100
_MOST_FILLER_CONFIDENCE = 5.0


def _with_fillers(found: Sequence[Detection]) -> list[Detection]:
    """At least 100 rows, as an SSD model returns: it does not leave out improbable ones. Consumers that read the first
    five rows without counting them rely on that."""
    missing = range(_ROWS - len(found))
    return [*found, *(_filler(number) for number in missing)]


def _filler(number: int) -> Detection:
    """The same in every image: one of a hundred squares, and a confidence that falls with its number."""
    row, column = divmod(number, 10)
    return Detection(
        CLASSES[number % len(CLASSES)], _MOST_FILLER_CONFIDENCE / (number + 1), (column / 10, row / 10, 0.1, 0.1)
    )


def _corners_output(found: Sequence[Detection]) -> Any:
    """The default of built-in object detection: ratios."""
    return {"prediction": [_row(one) for one in _with_fillers(found)]}


def _annotations_output(found: Sequence[Detection], size: Size) -> Any:
    """Built-in object detection with `Accept: application/json;annotation=1`."""
    width, height = size
    return {
        "image_size": [{"width": width, "height": height, "depth": 3}],
        "annotations": [_annotation(one, size) for one in _with_fillers(found)],
    }


def _coco(found: Sequence[Detection], size: Size) -> Any:
    return [
        {"image_id": 0, "category_id": _index(one), "bbox": list(_pixels(one, size)), "score": one.confidence / 100}
        for one in found
    ]


def _yolo(found: Sequence[Detection], _: Size) -> Any:
    return {"predictions": [_centred(one, (1, 1)) for one in found]}


def _yolo_pixels(found: Sequence[Detection], size: Size) -> Any:
    return {"predictions": [_centred(one, size) for one in found]}


def _ultralytics(found: Sequence[Detection], size: Size) -> Any:
    return [
        {
            "name": one.label,
            "class": _index(one),
            "confidence": one.confidence / 100,
            "box": dict(zip(("x1", "y1", "x2", "y2"), _corners(one, size), strict=True)),
        }
        for one in found
    ]


def _torchvision(found: Sequence[Detection], size: Size) -> Any:
    return {
        "boxes": [_corners(one, size) for one in found],
        "labels": [_index(one) for one in found],
        "scores": [one.confidence / 100 for one in found],
    }


def _hugging_face(found: Sequence[Detection], size: Size) -> Any:
    return [
        {
            "label": one.label,
            "score": one.confidence / 100,
            "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), _corners(one, size), strict=True)),
        }
        for one in found
    ]


def _classification(found: Sequence[Detection], _: Size) -> Any:
    """The confidence of each class. Unlike a real model's, they do not sum to one."""
    return [max((one.confidence / 100 for one in found if one.label == name), default=0.0) for name in CLASSES]


_FORMATS: dict[str, Callable[[Sequence[Detection], Size], Any]] = {
    "built-in-image-classification": _classification,
    "coco": _coco,
    "hugging-face": _hugging_face,
    "torchvision": _torchvision,
    "ultralytics": _ultralytics,
    "yolo": _yolo,
    "yolo-pixels": _yolo_pixels,
}


def output(name: str, accept: str, found: Sequence[Detection], size: Size) -> Any:
    """In the format that `name` ends with, by default that of built-in object detection."""
    for ending, output_of in _FORMATS.items():
        if name == ending or name.endswith(f"-{ending}"):
            return output_of(found, size)
    if "annotation=1" in accept.replace(" ", ""):
        return _annotations_output(found, size)
    return _corners_output(found)


def _index(found: Detection) -> int:
    return CLASSES.index(found.label)


def _row(found: Detection) -> list[float]:
    return [float(_index(found)), found.confidence / 100, *_corners(found, (1, 1))]


def _corners(found: Detection, size: Size) -> list[float]:
    left, top, width, height = _pixels(found, size)
    return [left, top, left + width, top + height]


def _pixels(found: Detection, size: Size) -> tuple[float, float, float, float]:
    left, top, width, height = found.box
    return left * size[0], top * size[1], width * size[0], height * size[1]


def _centred(found: Detection, size: Size) -> dict[str, Any]:
    left, top, width, height = _pixels(found, size)
    box = [left + width / 2, top + height / 2, width, height]
    return {"class": _index(found), "confidence": found.confidence / 100, "box": box}


def _annotation(found: Detection, size: Size) -> dict[str, float]:
    sides = dict(zip(("left", "top", "width", "height"), map(round, _pixels(found, size)), strict=True))
    return {"class_id": _index(found), "score": found.confidence / 100, **sides}
