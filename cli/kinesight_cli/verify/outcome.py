"""Outcomes of steps, and the report of a run."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kinesight_cli.verify.steps import WaitsFor


class Status(StrEnum):
    """`not-tested`: the video cannot show it. `skipped`: a step that it needs is not ok."""

    OK = "ok"
    FAILED = "failed"
    NOT_TESTED = "not-tested"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a step. `fact` is what was found, or the reason that there is nothing; `cause` is doctor's name of it,
    if it has one."""

    step: str
    status: Status
    seconds: float
    waits_for: WaitsFor
    fact: str
    cause: str = ""
    next_step: str = ""

    def document(self) -> dict[str, Any]:
        """Returns the outcome as JSON, without empty values."""
        document = {
            "step": self.step,
            "status": self.status.value,
            "seconds": round(self.seconds, 1),
            "waitsFor": self.waits_for.value,
            "fact": self.fact,
            "cause": self.cause,
            "nextStep": self.next_step,
        }
        return {name: value for name, value in document.items() if value != ""}


@dataclass(frozen=True, slots=True)
class Report:
    """`left`: what could not be removed, each with the reason."""

    stack: str
    stream: str
    outcomes: tuple[Outcome, ...]
    left: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def first_failed(self) -> Outcome | None:
        return next((one for one in self.outcomes if one.status is Status.FAILED), None)

    @property
    def is_complete(self) -> bool:
        """Whether every step is ok."""
        return not self.interrupted and all(one.status is Status.OK for one in self.outcomes)

    def seconds(self, *kinds: WaitsFor) -> float:
        """Returns the time of all steps of these kinds."""
        return sum(one.seconds for one in self.outcomes if one.waits_for in kinds)

    def document(self) -> dict[str, Any]:
        """Returns the report as JSON."""
        failed = self.first_failed
        return {
            "stack": self.stack,
            "stream": self.stream,
            "ok": self.is_complete and not self.left,
            "interrupted": self.interrupted,
            "failedStep": failed and failed.step,
            "seconds": {one.value: round(self.seconds(one), 1) for one in WaitsFor},
            "steps": [one.document() for one in self.outcomes],
            "left": list(self.left),
        }


def blocking(needs: Iterable[str], needs_one_of: Iterable[str], done: dict[str, Outcome]) -> str | None:
    """Returns the first needed step that is not ok; steps that do not apply block nothing."""
    not_ok = next((one for one in needs if one in done and done[one].status is not Status.OK), None)
    if not_ok is not None:
        return not_ok
    choices = [one for one in needs_one_of if one in done]
    any_ok = any(done[one].status is Status.OK for one in choices)
    return None if any_ok or not choices else choices[0]
