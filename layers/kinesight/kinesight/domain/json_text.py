"""Parses JSON of others with a bound on its size and depth.

Python's parser accepts thousands of levels, at which code that walks the value then exceeds the recursion limit. Models
of pydantic (`model_validate_json`) bound the depth themselves.
"""

import json
import re
from typing import Any

MOST_BYTES = 6 * 1024 * 1024
"""Limit of Lambda's and SageMaker's payloads, which are the largest texts that arrive."""
MOST_DEPTH = 64

# Possessive, so that a text without its last quote takes no longer.
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)


class InvalidJsonError(ValueError):
    """The text is not JSON, or too large or too deep. The message does not quote it."""


def parse_json(text: str | bytes, *, most_bytes: int = MOST_BYTES) -> Any:
    """Returns the value; NaN and Infinity are numbers. Raises InvalidJsonError."""
    if len(text) > most_bytes:
        raise InvalidJsonError(f"the text has more than {most_bytes} bytes")
    try:
        decoded = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
        check_depth(decoded)
        return json.loads(decoded)
    except (ValueError, RecursionError) as error:
        problem = _problem(error)
    # Raised here, so that the error above, which keeps the text, is not its context: the text may be a secret.
    raise InvalidJsonError(problem)


def check_depth(text: str) -> None:
    """Raises InvalidJsonError for more than 64 levels. The text need not be valid."""
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return
    depth = 0
    for token in _TOKENS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MOST_DEPTH:
            raise InvalidJsonError(f"the text is nested more than {MOST_DEPTH} levels deep")


def _problem(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}: line {error.lineno} column {error.colno}"
    return error.reason if isinstance(error, UnicodeDecodeError) else str(error)
