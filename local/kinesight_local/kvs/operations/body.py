"""The response of a streaming operation."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

MATROSKA = "video/x-matroska"
"""AWS does not document its content type; the pattern in its model allows no slash."""


@dataclass(frozen=True, slots=True)
class Body:
    """A response body in chunks, read while it is sent."""

    content_type: str
    chunks: Iterator[bytes] | AsyncIterator[bytes]
