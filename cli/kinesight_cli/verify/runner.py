"""Runs the steps: each until its probe returns a fact, or its time is over."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.verify.outcome import Outcome, Status, blocking
from kinesight_cli.verify.run import NotTestedError, Run, StepFailedError
from kinesight_cli.verify.steps import Step


class Clock(Protocol):
    """A monotonic clock."""

    def now_s(self) -> float:
        """Returns seconds since any moment."""

    def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemClock:
    """The Clock of this machine."""

    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Pacing:
    """`poll_s`: time between two probes. `limits`: factor of the steps' limits."""

    poll_s: float = 2.0
    limits: float = 1.0


ON_AWS = Pacing()
ON_EMULATORS = Pacing(poll_s=0.5)


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a step failed: `cause` is doctor's name of it, if it has one."""

    explanation: str
    next_step: str
    cause: str = ""


Diagnose = Callable[[Step], Finding | None]


def run_steps(
    steps: Sequence[Step], run: Run, diagnose: Diagnose, pacing: Pacing, clock: Clock | None = None
) -> Iterator[Outcome]:
    """Yields the outcome of each step that applies, in order. `diagnose` is called when a step has failed."""
    chosen = clock or SystemClock()
    done: dict[str, Outcome] = {}
    for step in (one for one in steps if one.applies(run.deployment)):
        blocked = blocking(step.needs, step.needs_one_of, done)
        if blocked is not None:
            outcome = Outcome(step.name, Status.SKIPPED, 0.0, step.waits_for, f"needs {blocked}")
        else:
            outcome = _Attempt(step, run, diagnose, pacing, chosen).outcome()
        done[step.name] = outcome
        yield outcome


@dataclass(slots=True)
class _Attempt:
    step: Step
    run: Run
    diagnose: Diagnose
    pacing: Pacing
    clock: Clock
    last_error: str = ""

    def outcome(self) -> Outcome:
        began_s = self.clock.now_s()
        limit_s = self.step.configured_s(self.run.deployment) + self.step.limit_s * self.pacing.limits
        try:
            self.step.act(self.run)
            fact = self._waited(began_s + limit_s)
        except NotTestedError as error:
            return self._outcome(Status.NOT_TESTED, began_s, str(error), next_step=error.next_step)
        except StepFailedError as error:
            return self._failed(began_s, str(error), error.next_step or self.step.next_step)
        except CommandError as error:
            return self._failed(began_s, str(error), "")
        except (BotoCoreError, ClientError) as error:
            return self._failed(began_s, aws_session.problem(error), "")
        if fact is None:
            return self._failed(began_s, self.last_error or f"nothing after {limit_s:.0f} s", "")
        return self._outcome(Status.OK, began_s, fact)

    def _waited(self, until_s: float) -> str | None:
        """Errors of a call may be transient, such as those of what was just created: the last one is kept."""
        while True:
            try:
                self.last_error = ""
                fact = self.step.probe(self.run)
            except (BotoCoreError, ClientError) as error:
                fact, self.last_error = None, aws_session.problem(error)
            if fact is not None or self.clock.now_s() >= until_s:
                return fact
            self.clock.sleep(self.pacing.poll_s)

    def _failed(self, began_s: float, fact: str, next_step: str) -> Outcome:
        """With a next step, the fact is the cause; without one, `diagnose` finds it."""
        waited_s = self.clock.now_s() - began_s
        finding = self.diagnose(self.step) if not next_step else None
        explanation = f"{fact}: {finding.explanation}" if finding else fact
        return Outcome(
            self.step.name,
            Status.FAILED,
            waited_s,
            self.step.waits_for,
            explanation,
            cause=finding.cause if finding else "",
            next_step=next_step or (finding.next_step if finding else "") or self.step.next_step,
        )

    def _outcome(self, status: Status, began_s: float, fact: str, next_step: str = "") -> Outcome:
        seconds = self.clock.now_s() - began_s
        return Outcome(self.step.name, status, seconds, self.step.waits_for, fact, next_step=next_step)
