"""Boxes in model output, in any of their forms."""

import math
from collections.abc import Iterator
from typing import Any

from kinesight.domain.detectors.output_schema import BoxForm, Form
from kinesight.domain.errors import ModelOutputError
from kinesight.domain.model import BoundingBox

_FARTHEST_RATIO = 10  # models put boxes a little outside; this far out they are pixels


def is_absent(box: Any) -> bool:
    return box is None or (isinstance(box, list) and all(one is None for one in box))


def box_of(form: Form, raw: Any, size: tuple[float, float], where: str) -> BoundingBox:
    """Ratios of the image that was sent."""
    first, second, third, fourth = numbers(raw, 4, where)
    horizontal, vertical = _span(form.box_form, first, third), _span(form.box_form, second, fourth)
    if horizontal[1] < 0 or vertical[1] < 0:
        raise ModelOutputError(f"{where}: {raw} ends before it begins as {form.box_form}; is boxForm another?")
    left, width = (one / size[0] for one in horizontal)
    top, height = (one / size[1] for one in vertical)
    if max(abs(left), abs(top), width, height) > _FARTHEST_RATIO:
        raise ModelOutputError(f"{where}: {raw} is far outside the image as {form.box_unit}; is boxUnit another?")
    return BoundingBox(left=left, top=top, width=width, height=height)


def _span(form: BoxForm, first: float, second: float) -> tuple[float, float]:
    """Where it begins and how long it is."""
    match form:
        case "CORNERS":
            return first, second - first
        case "LEFT_TOP_WIDTH_HEIGHT":
            return first, second
        case "CENTER_WIDTH_HEIGHT":
            return first - second / 2, second


def clipped(box: BoundingBox) -> BoundingBox | None:
    """The part inside the image, if there is any."""
    left, right = max(0.0, box.left), min(1.0, box.left + box.width)
    top, bottom = max(0.0, box.top), min(1.0, box.top + box.height)
    if right <= left or bottom <= top:
        return None
    return BoundingBox(left=left, top=top, width=right - left, height=bottom - top)


def numbers(value: Any, count: int, where: str) -> Iterator[float]:
    if not isinstance(value, list) or len(value) != count:
        raise ModelOutputError(f"{where}: {kind(value)} where {count} numbers are expected")
    return (number(one, where) for one in value)


def number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelOutputError(f"{where}: {kind(value)} where a number is expected")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ModelOutputError(f"{where}: not a finite number")
    return number


def kind(value: Any) -> str:
    names = {dict: "an object", str: "a text", bool: "a truth value", type(None): "nothing"}
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return names.get(type(value), "a number")
