"""Checks of botocore's models that botocore does not make itself: enums, patterns, maxima, lengths."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import OperationModel, Shape

from kinesight_local.kvs.exceptions import InvalidArgumentError

LATEST_EPOCH_S = 253_402_300_799
"""The end of the year 9999: clients cannot parse later times."""

_WIDTH_BITS = {"integer": 32, "long": 64}


def check(operation: OperationModel, parameters: Mapping[str, Any]) -> None:
    """Raises InvalidArgumentError that names the first invalid member."""
    shape = operation.input_shape
    if shape is not None:
        for problem in problems(shape, parameters, ""):
            raise InvalidArgumentError(problem)


def problems(shape: Shape, value: Any, place: str = "") -> Iterator[str]:
    """All violations of a shape by a value."""
    kinds: dict[str, tuple[tuple[type, ...], Callable[[Any, Any, str], Iterator[str]]]] = {
        "structure": ((Mapping,), _structure),
        "map": ((Mapping,), _map),
        "list": ((list,), _list),
        "string": ((str,), _string),
        "integer": ((int,), _number),
        "long": ((int,), _number),
        "timestamp": ((int, float), _timestamp),
        "boolean": ((bool,), _anything),
    }
    expected, inner = kinds.get(shape.type_name, ((object,), _anything))
    if not isinstance(value, expected) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{place or 'The request'} must be a {shape.type_name}."
        return
    yield from inner(shape, value, place)


def _structure(shape: Any, value: Mapping[str, Any], place: str) -> Iterator[str]:
    inside = f"{place}." if place else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{inside}{name} is required."
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from problems(member, value[name], f"{inside}{name}")


def _map(shape: Any, value: Mapping[str, Any], place: str) -> Iterator[str]:
    yield from _length(shape, value, place)
    for key, item in value.items():
        yield from problems(shape.key, key, f"a key of {place}")
        yield from problems(shape.value, item, f"{place}[{key}]")


def _list(shape: Any, value: list[Any], place: str) -> Iterator[str]:
    yield from _length(shape, value, place)
    for index, item in enumerate(value):
        yield from problems(shape.member, item, f"{place}[{index}]")


def _string(shape: Any, value: str, place: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{place} must be one of {', '.join(shape.enum)}."
    yield from _length(shape, value, place)
    if any("\ud800" <= character <= "\udfff" for character in value):
        yield f"{place} must be valid Unicode."
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield f"{place} must match {pattern}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """The models contain Java patterns, which match whole strings and ASCII unless they name Unicode categories.

    Python lacks these categories; its classes are equivalent here.
    """
    if r"\p{" not in pattern:
        return re.compile(pattern, re.ASCII)
    return re.compile(pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", r"\s"))


def _number(shape: Shape, value: int, place: str) -> Iterator[str]:
    limit = 2 ** (_WIDTH_BITS[shape.type_name] - 1)
    if not -limit <= value < limit:
        yield f"{place} does not fit into {_WIDTH_BITS[shape.type_name]} bits."
    yield from _range(shape, value, place)


def _timestamp(_shape: Shape, value: float, place: str) -> Iterator[str]:
    if not 0 <= value <= LATEST_EPOCH_S:
        yield f"{place} must be a time in epoch seconds."


def _length(shape: Shape, value: Any, place: str) -> Iterator[str]:
    yield from _range(shape, len(value), f"the length of {place}")


def _range(shape: Shape, size: int, place: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{place} is {size}, the minimum is {least}."
    if most is not None and size > most:
        yield f"{place} is {size}, the maximum is {most}."


def _anything(_shape: Shape, _value: Any, _place: str) -> Iterator[str]:
    return iter(())
