"""Where in a JSON text a value stands, so that an error can name the line."""

import json
from collections.abc import Sequence

_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder()


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line, counted from 1, of the value at this path; of the innermost one that is there. `text` is valid JSON."""
    return text.count("\n", 0, _place(text, _skip(text, 0), path)) + 1


def _place(text: str, at: int, path: Sequence[str | int]) -> int:
    if not path or text[at] not in "{[":
        return at
    inner = _member(text, at, path[0]) if text[at] == "{" else _item(text, at, path[0])
    return at if inner is None else _place(text, inner, path[1:])


def _member(text: str, at: int, wanted: str | int) -> int | None:
    at = _skip(text, at + 1)
    found = None
    while text[at] != "}":
        name, after = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, after) + 1)
        if name == wanted:
            found = at  # of members with one name the last one counts, as in json.loads
        at = _next(text, at)
    return found


def _item(text: str, at: int, wanted: str | int) -> int | None:
    at = _skip(text, at + 1)
    index = 0
    while text[at] != "]":
        if index == wanted:
            return at
        at = _next(text, at)
        index += 1
    return None


def _next(text: str, at: int) -> int:
    """Behind the value that begins here, and the comma after it."""
    _, end = _DECODER.raw_decode(text, at)
    at = _skip(text, end)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at
