"""What is found, as models answer: the forms that `ModelMapping` has ready-made mappings for.

The form is chosen by name: an endpoint `people-yolo-pixels`, or a path `/models/yolo-pixels`, answers as YOLO_PIXELS
expects. Any other endpoint answers as the built-in Object Detection algorithm, in the form that Accept asks for.
"""

from collections.abc import Callable, Sequence
from typing import Any

from kinesight_local.vision.looking import Found

CLASSES = ("Person", "Face", "Cat")
"""The model's classes by index."""

Size = tuple[int, int]
"""Width and height, pixels."""


def corners_answer(found: Sequence[Found]) -> Any:
    """The built-in object detection's default: ratios."""
    return {"prediction": [_row(one) for one in found]}


def annotations_answer(found: Sequence[Found], size: Size) -> Any:
    """The built-in object detection's, for `Accept: application/json;annotation=1`."""
    width, height = size
    return {
        "image_size": [{"width": width, "height": height, "depth": 3}],
        "annotations": [_annotation(one, size) for one in found],
    }


def _coco(found: Sequence[Found], size: Size) -> Any:
    return [
        {"image_id": 0, "category_id": _index(one), "bbox": list(_pixels(one, size)), "score": one.confidence / 100}
        for one in found
    ]


def _yolo(found: Sequence[Found], _: Size) -> Any:
    return {"predictions": [_centred(one, (1, 1)) for one in found]}


def _yolo_pixels(found: Sequence[Found], size: Size) -> Any:
    return {"predictions": [_centred(one, size) for one in found]}


def _ultralytics(found: Sequence[Found], size: Size) -> Any:
    return [
        {
            "name": one.label,
            "class": _index(one),
            "confidence": one.confidence / 100,
            "box": dict(zip(("x1", "y1", "x2", "y2"), _corners(one, size), strict=True)),
        }
        for one in found
    ]


def _torchvision(found: Sequence[Found], size: Size) -> Any:
    return {
        "boxes": [_corners(one, size) for one in found],
        "labels": [_index(one) for one in found],
        "scores": [one.confidence / 100 for one in found],
    }


def _hugging_face(found: Sequence[Found], size: Size) -> Any:
    return [
        {
            "label": one.label,
            "score": one.confidence / 100,
            "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), _corners(one, size), strict=True)),
        }
        for one in found
    ]


def _classification(found: Sequence[Found], _: Size) -> Any:
    """How sure it is of each class by itself; unlike a real model's, these do not sum to one."""
    return [max((one.confidence / 100 for one in found if one.label == name), default=0.0) for name in CLASSES]


_FORMS: dict[str, Callable[[Sequence[Found], Size], Any]] = {
    "built-in-image-classification": _classification,
    "coco": _coco,
    "hugging-face": _hugging_face,
    "torchvision": _torchvision,
    "ultralytics": _ultralytics,
    "yolo": _yolo,
    "yolo-pixels": _yolo_pixels,
}


def answer(name: str, accept: str, found: Sequence[Found], size: Size) -> Any:
    """In the form that `name` ends with, else the built-in object detection's."""
    for ending, form in _FORMS.items():
        if name == ending or name.endswith(f"-{ending}"):
            return form(found, size)
    if "annotation=1" in accept.replace(" ", ""):
        return annotations_answer(found, size)
    return corners_answer(found)


def _index(found: Found) -> int:
    return CLASSES.index(found.label)


def _row(found: Found) -> list[float]:
    return [float(_index(found)), found.confidence / 100, *_corners(found, (1, 1))]


def _corners(found: Found, size: Size) -> list[float]:
    left, top, width, height = _pixels(found, size)
    return [left, top, left + width, top + height]


def _pixels(found: Found, size: Size) -> tuple[float, float, float, float]:
    left, top, width, height = found.box
    return left * size[0], top * size[1], width * size[0], height * size[1]


def _centred(found: Found, size: Size) -> dict[str, Any]:
    left, top, width, height = _pixels(found, size)
    box = [left + width / 2, top + height / 2, width, height]
    return {"class": _index(found), "confidence": found.confidence / 100, "box": box}


def _annotation(found: Found, size: Size) -> dict[str, float]:
    sides = dict(zip(("left", "top", "width", "height"), map(round, _pixels(found, size)), strict=True))
    return {"class_id": _index(found), "score": found.confidence / 100, **sides}
