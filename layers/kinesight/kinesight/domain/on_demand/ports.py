"""Ports of the on-demand workflow."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from kinesight.domain.ports import ImageSpec, SlotImage


class ImageExtractor(Protocol):
    """Extracts images from one fragment."""

    def extract(self, matroska: bytes, moments_ms: Sequence[int], spec: ImageSpec) -> Iterator[SlotImage]:
        """Yields one entry per timestamp (epoch milliseconds by the spec's clock): the image, or why there is none."""


class RunStatus(StrEnum):
    """Status of an execution."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class AnalysisWorkflow(Protocol):
    """The on-demand workflow."""

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        """Returns False if an execution of that name exists. Raises ThrottledError, WorkflowRefusedError."""

    def status(self, name: str) -> RunStatus | None:
        """Returns None if there is no execution of that name. Raises as `start` does."""
