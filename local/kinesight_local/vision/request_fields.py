"""Validates fields of Rekognition's requests as the service does; botocore validates types and minimums only."""

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


def text(request: Parameters, name: str, pattern: str) -> str:
    """A required string. Raises VisionError if it is missing or does not match."""
    value = request.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise VisionError("InvalidParameterException", f"{name} must match {pattern}")
    return value


def structure(request: Parameters, name: str) -> Parameters:
    """An optional structure, empty by default. Raises VisionError."""
    value = request.get(name) or {}
    if not isinstance(value, dict):
        raise VisionError("SerializationException", f"{name} is not an object.")
    return value


def number(request: Parameters, name: str, default: float, most: float = 100) -> float:
    """An optional number from 0 to `most`. Raises VisionError."""
    value = request.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise VisionError("InvalidParameterException", f"{name} must be a number from 0 to {most:g}.")
    return float(value)


def page[Item](request: Parameters, items: Sequence[Item]) -> tuple[Sequence[Item], Parameters]:
    """The requested page, and the NextToken field if there are more. Raises VisionError."""
    size = int(number(request, "MaxResults", _LONGEST_PAGE, _LONGEST_PAGE)) or _LONGEST_PAGE
    token = request.get("NextToken", "0")
    if not isinstance(token, str) or not re.fullmatch(r"[0-9]{1,9}", token):
        raise VisionError("InvalidPaginationTokenException", "NextToken is not valid.")
    end = int(token) + size
    return items[int(token) : end], {"NextToken": str(end)} if end < len(items) else {}
