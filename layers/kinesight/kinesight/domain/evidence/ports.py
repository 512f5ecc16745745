"""Ports of the evidence."""

from collections.abc import Sequence
from typing import Protocol

from kinesight.domain.model import Detection


class Annotator(Protocol):
    """Draws boxes on a picture."""

    def annotate(self, picture: bytes, detections: Sequence[Detection]) -> bytes:
        """A JPEG with a labelled box for each detection that has one. Raises UnsupportedImageError."""
