"""Numbers in a model's answer, or an error that says what is there instead."""

import math
from collections.abc import Iterator
from typing import Any

from kinesight.domain.errors import DetectorAnswerError


def numbers(value: Any, count: int, where: str) -> Iterator[float]:
    if not isinstance(value, list) or len(value) != count:
        raise DetectorAnswerError(f"{where}: {kind(value)} where {count} numbers are expected")
    return (number(one, where) for one in value)


def number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DetectorAnswerError(f"{where}: {kind(value)} where a number is expected")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DetectorAnswerError(f"{where}: not a finite number")
    return number


def kind(value: Any) -> str:
    names = {dict: "an object", str: "a text", bool: "a truth value", type(None): "nothing"}
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return names.get(type(value), "a number")
