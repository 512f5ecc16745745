"""Ports of the on-demand workflow."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from kinesight.domain.ports import ImageSpec, SlotImage


class ImageExtractor(Protocol):
    """Makes pictures of one fragment."""

    def pictures(self, matroska: bytes, moments_ms: Sequence[int], wish: ImageSpec) -> Iterator[SlotImage]:
        """One entry per moment (epoch milliseconds by the wish's clock): what the fragment shows then, or why not."""


class RunStatus(StrEnum):
    """How an execution stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class AnalysisWorkflow(Protocol):
    """The on-demand workflow."""

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        """False if an execution of that name exists. Raises ThrottledError, WorkflowRefusedError."""

    def status(self, name: str) -> RunStatus | None:
        """None if there is no execution of that name. Raises as `start`."""
