"""InvokeEndpoint as an endpoint with the built-in Object Detection algorithm answers. Any endpoint name exists."""

from typing import Any

from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.looking import Found, look
from kinesight_local.vision.pictures import decoded

CLASSES = ("Person", "Face", "Cat", "License Plate")
"""The model's classes by index."""

_CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image"})
_MAXIMUM_BYTES = 6_291_456


def invoke(body: bytes, content_type: str, accept: str) -> dict[str, Any]:
    """Either form of the answer, by `accept`. Like the real algorithm it returns every guess. Raises VisionError."""
    if len(body) > _MAXIMUM_BYTES:
        raise VisionError("ValidationError", f"The body passes {_MAXIMUM_BYTES} bytes.")
    if content_type not in _CONTENT_TYPES:
        raise VisionError("ModelError", f"Received client error (415): content type {content_type!r}", 424)
    picture = decoded(body)
    if picture is None:
        raise VisionError("ModelError", "Received client error (400): unable to decode the picture", 424)
    found = look(picture)
    if "annotation=1" in accept.replace(" ", ""):
        height, width, depth = picture.shape
        size = {"width": width, "height": height, "depth": depth}
        return {"image_size": [size], "annotations": [_pixels(one, width, height) for one in found]}
    return {"prediction": [_row(one) for one in found]}


def _row(found: Found) -> list[float]:
    left, top, width, height = found.box
    return [float(CLASSES.index(found.label)), found.confidence / 100, left, top, left + width, top + height]


def _pixels(found: Found, width: int, height: int) -> dict[str, float]:
    left, top, box_width, box_height = found.box
    return {
        "class_id": CLASSES.index(found.label),
        "score": found.confidence / 100,
        "left": round(left * width),
        "top": round(top * height),
        "width": round(box_width * width),
        "height": round(box_height * height),
    }
