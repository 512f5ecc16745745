"""Fields of Rekognition's requests, checked as the service does: botocore checks types and minimums alone."""

import re
from collections.abc import Sequence
from typing import Any

from kinesight_local.vision.errors import VisionError

Parameters = dict[str, Any]

COLLECTION_ID = r"[a-zA-Z0-9_.\-]{1,255}"
EXTERNAL_IMAGE_ID = r"[a-zA-Z0-9_.\-:]{1,255}"
PROJECT_ARN = r"arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project/[a-zA-Z0-9_.\-]{1,255}/[0-9]+"
PROJECT_VERSION_ARN = (
    r"arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project/[a-zA-Z0-9_.\-]{1,255}/version/[a-zA-Z0-9_.\-]{1,255}/[0-9]+"
)
LARGEST_NUMBER = 2**31 - 1
_LONGEST_PAGE = 4096


def text(wanted: Parameters, name: str, pattern: str) -> str:
    """Raises VisionError if it is missing or of another form."""
    value = wanted.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise VisionError("InvalidParameterException", f"{name} has to be of the form {pattern}")
    return value


def structure(wanted: Parameters, name: str) -> Parameters:
    """Empty if it is left out. Raises VisionError."""
    value = wanted.get(name) or {}
    if not isinstance(value, dict):
        raise VisionError("SerializationException", f"{name} is not an object.")
    return value


def number(wanted: Parameters, name: str, default: float, most: float = 100) -> float:
    """From 0 on. Raises VisionError."""
    value = wanted.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise VisionError("InvalidParameterException", f"{name} is a number from 0 to {most:g}.")
    return float(value)


def page[Item](wanted: Parameters, items: Sequence[Item]) -> tuple[Sequence[Item], Parameters]:
    """The asked page, and the field that leads to the next one, if there is one. Raises VisionError."""
    size = int(number(wanted, "MaxResults", _LONGEST_PAGE, _LONGEST_PAGE)) or _LONGEST_PAGE
    token = wanted.get("NextToken", "0")
    if not isinstance(token, str) or not re.fullmatch(r"[0-9]{1,9}", token):
        raise VisionError("InvalidPaginationTokenException", "NextToken is none that was given out.")
    end = int(token) + size
    return items[int(token) : end], {"NextToken": str(end)} if end < len(items) else {}
