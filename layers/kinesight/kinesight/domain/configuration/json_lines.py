"""Finds the line of a value in JSON text, for error messages."""

import json
from collections.abc import Sequence

_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder()


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Returns the line, counted from 1, of the value at this path, or of its innermost ancestor that exists. `text`
    must be valid JSON."""
    return text.count("\n", 0, _position(text, _skip(text, 0), path)) + 1


def _position(text: str, at: int, path: Sequence[str | int]) -> int:
    if not path or text[at] not in "{[":
        return at
    inner = _member(text, at, path[0]) if text[at] == "{" else _item(text, at, path[0])
    return at if inner is None else _position(text, inner, path[1:])


def _member(text: str, at: int, key: str | int) -> int | None:
    at = _skip(text, at + 1)
    found = None
    while text[at] != "}":
        name, after = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, after) + 1)
        if name == key:
            found = at  # the last of several members with one name counts, as in json.loads
        at = _next(text, at)
    return found


def _item(text: str, at: int, key: str | int) -> int | None:
    at = _skip(text, at + 1)
    index = 0
    while text[at] != "]":
        if index == key:
            return at
        at = _next(text, at)
        index += 1
    return None


def _next(text: str, at: int) -> int:
    """Returns the position after the value that starts here and the comma after it."""
    _, end = _DECODER.raw_decode(text, at)
    at = _skip(text, end)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at
