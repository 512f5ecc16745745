"""Ports of evidence."""

from collections.abc import Sequence
from typing import Protocol

from kinesight.domain.model import Detection


class Annotator(Protocol):
    """Draws boxes on an image."""

    def annotate(self, body: bytes, detections: Sequence[Detection]) -> bytes:
        """Returns a JPEG with a labelled box for each detection that has one. Raises UnsupportedImageError."""
