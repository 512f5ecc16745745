"""What botocore's models say of a request and botocore itself does not check: enums, patterns, maxima, lengths."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

from kinesight_local.kvs.exceptions import InvalidArgumentError


def check(operation: OperationModel, parameters: Mapping[str, Any]) -> None:
    """Raises InvalidArgumentError naming the first member that is wrong."""
    shape = operation.input_shape
    if shape is not None:
        for problem in _problems(shape, parameters, ""):
            raise InvalidArgumentError(problem)


def _problems(shape: Shape, value: Any, place: str) -> Iterator[str]:
    kinds: dict[str, tuple[tuple[type, ...], Callable[[Any, Any, str], Iterator[str]]]] = {
        "structure": ((Mapping,), _structure),
        "map": ((Mapping,), _map),
        "list": ((list,), _list),
        "string": ((str,), _string),
        "integer": ((int,), _number),
        "long": ((int,), _number),
        "timestamp": ((int, float), _anything),
        "boolean": ((bool,), _anything),
    }
    expected, inner = kinds.get(shape.type_name, ((object,), _anything))
    if not isinstance(value, expected) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{place or 'the request'} must be a {shape.type_name}"
        return
    yield from inner(shape, value, place)


def _structure(shape: Shape, value: Mapping[str, Any], place: str) -> Iterator[str]:
    assert isinstance(shape, StructureShape)  # noqa: S101 - told by the type name
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{place}{name} is required"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _problems(member, value[name], f"{place}{name}" + ("." if _nests(member) else ""))


def _nests(shape: Shape) -> bool:
    return shape.type_name == "structure"


def _map(shape: Any, value: Mapping[str, Any], place: str) -> Iterator[str]:
    yield from _length(shape, value, place)
    for key, item in value.items():
        yield from _problems(shape.key, key, f"{place} key")
        yield from _problems(shape.value, item, f"{place}[{key}]")


def _list(shape: Any, value: list[Any], place: str) -> Iterator[str]:
    yield from _length(shape, value, place)
    for index, item in enumerate(value):
        yield from _problems(shape.member, item, f"{place}[{index}]")


def _string(shape: Any, value: str, place: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{place} must be one of {', '.join(shape.enum)}"
    yield from _length(shape, value, place)
    pattern = shape.metadata.get("pattern")
    if pattern and not re.search(_python_pattern(pattern), value):
        yield f"{place} must match {pattern}"


def _python_pattern(pattern: str) -> str:
    """The models hold Java's patterns; Python has no Unicode categories, but classes that come to the same here."""
    return pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", r"\s")


def _number(shape: Shape, value: int, place: str) -> Iterator[str]:
    yield from _range(shape, value, place)


def _length(shape: Shape, value: Any, place: str) -> Iterator[str]:
    yield from _range(shape, len(value), f"the length of {place}")


def _range(shape: Shape, size: int, place: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        yield f"{place} is {size}, it must be from {least if least is not None else 'any'} to {most or 'any'}"


def _anything(_shape: Shape, _value: Any, _place: str) -> Iterator[str]:
    return iter(())
