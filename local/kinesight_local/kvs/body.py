"""What a streaming operation answers."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

MATROSKA = "video/x-matroska"
"""The service's own content type is not documented; the pattern in its model admits no slash."""


@dataclass(frozen=True, slots=True)
class Body:
    """A response body, piece by piece as it is read."""

    content_type: str
    chunks: Iterator[bytes] | AsyncIterator[bytes]
