"""Results of the checks of a stack and its streams."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kinesight.domain.check_results import CheckResult, Status


@dataclass(frozen=True, slots=True)
class StreamReport:
    """Checks of a stream and of the stack that it depends on, in pipeline order."""

    stream: str
    checks: tuple[CheckResult, ...]

    @property
    def first_failed(self) -> CheckResult | None:
        return next((one for one in self.checks if one.has_failed), None)

    @property
    def is_healthy(self) -> bool:
        """Whether no check has failed. Warnings do not count."""
        return self.first_failed is None

    @property
    def measured(self) -> Mapping[str, Any]:
        """All measured values, such as lastFragmentAgeSeconds and lastImageAgeSeconds."""
        return {name: value for one in self.checks for name, value in one.result.measured.items()}

    def document(self) -> dict[str, Any]:
        """Returns the report as JSON, without the checks of the stack."""
        failed = self.first_failed
        return {
            "stream": self.stream,
            "healthy": self.is_healthy,
            "cause": failed and failed.result.cause,
            "nextStep": failed and failed.result.next_step,
            "measured": dict(self.measured),
            "checks": [one.document() for one in self.checks if one.stream is not None],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Checks of a stack (`stack_checks`) and of its streams."""

    stack: str
    region: str
    stack_checks: tuple[CheckResult, ...]
    streams: tuple[StreamReport, ...] = field(default=())

    @property
    def is_healthy(self) -> bool:
        return not any(one.has_failed for one in self.stack_checks) and all(one.is_healthy for one in self.streams)

    @property
    def is_conclusive(self) -> bool:
        """Whether the stack could be described: without it, hardly any check can run."""
        return not any(one.check == "stack" and one.result.status is Status.WARNING for one in self.stack_checks)

    def document(self) -> dict[str, Any]:
        """Returns the report as JSON."""
        return {
            "stack": self.stack,
            "region": self.region,
            "healthy": self.is_healthy,
            "checks": [one.document() for one in self.stack_checks],
            "streams": [one.document() for one in self.streams],
        }
