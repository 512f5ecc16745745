"""Reads JSON strictly: repeated keys, NaN and Infinity are problems."""

import json
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from kinesight.domain.configuration.json_lines import line_of
from kinesight.domain.json_text import check_depth

from kinesight_cli.shared.source_text import SourceText, UnreadableTextError, ValuePath

_Repeated = list[tuple[dict[str, Any], list[str]]]
"""Objects with the keys that they repeat."""


def read_json(text: str) -> SourceText:
    """Raises UnreadableTextError with the line of the first error."""
    repeated: _Repeated = []
    try:
        check_depth(text)
        value = json.loads(text, object_pairs_hook=partial(_object, repeated))
    except json.JSONDecodeError as error:
        raise UnreadableTextError(_message(text, error), error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableTextError(f"not valid JSON: {error}") from error
    return SourceText(value, list(_problems(value, repeated)), partial(line_of, text))


def _object(repeated: _Repeated, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated.append((found, [name for name in found if names.count(name) > 1]))
    return found


def _problems(document: Any, repeated: _Repeated) -> Iterator[tuple[ValuePath, str]]:
    keys = {id(one): names for one, names in repeated}
    left: list[tuple[ValuePath, Any]] = [((), document)]
    while left:
        path, value = left.pop()
        yield from (((*path, name), "this key occurs several times in one object") for name in keys.get(id(value), ()))
        if isinstance(value, float) and not math.isfinite(value):
            yield path, f"{value} is not a finite number"
        left += [((*path, part), one) for part, one in _parts(value)]


def _parts(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _message(text: str, error: json.JSONDecodeError) -> str:
    said = f"not valid JSON: {error.msg} (column {error.colno})"
    return f"{said}. The file ends within an object, so it may be truncated" if _is_truncated(text, error) else said


def _is_truncated(text: str, error: json.JSONDecodeError) -> bool:
    """Whether the text, which should be one object, ends before the object does."""
    whole = text.strip()
    if not whole.startswith("{") or error.msg == "Extra data":
        return False
    return error.pos >= len(text.rstrip()) or not whole.endswith("}")
