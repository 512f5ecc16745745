"""Walking the road: each check as it is done, one stream or all of them."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import boto3
from kinesight.domain.health.facts import HealthThresholds
from kinesight.domain.health.findings import Finding, Outcome, Verdict, in_the_way, unknown
from kinesight.domain.streams.selection import StreamSelection

from kinesight_cli.doctor.asking import Aws, RefusedError, UnansweredError
from kinesight_cli.doctor.looking_at_stack import StackEye
from kinesight_cli.doctor.looking_at_stream import StreamEye
from kinesight_cli.doctor.road import ROAD, Check

_AT_ONCE = 8
"""Streams that are examined side by side: KVS tells of a stream's configuration 50 times a second and account."""


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """What a list of cameras shows of one: its findings and those of the stack that it depends on, in their order."""

    stream: str
    findings: tuple[Finding, ...]

    @property
    def first_broken(self) -> Finding | None:
        return next((one for one in self.findings if one.is_broken), None)

    @property
    def is_healthy(self) -> bool:
        """What could not be looked at counts as healthy."""
        return self.first_broken is None

    @property
    def measured(self) -> Mapping[str, Any]:
        """Everything that was measured of it, such as lastFragmentAgeSeconds and lastPictureAgeSeconds."""
        return {name: value for one in self.findings for name, value in one.verdict.measured.items()}

    def document(self) -> dict[str, Any]:
        cause = self.first_broken
        return {
            "stream": self.stream,
            "healthy": self.is_healthy,
            "cause": cause and cause.verdict.cause,
            "nextStep": cause and cause.verdict.next_step,
            "measured": dict(self.measured),
            "findings": [one.document() for one in self.findings if one.stream is not None],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Of one examination. `stack_findings` are those of no stream."""

    stack: str
    region: str
    stack_findings: tuple[Finding, ...]
    streams: tuple[StreamHealth, ...] = field(default=())

    @property
    def is_healthy(self) -> bool:
        return not any(one.is_broken for one in self.stack_findings) and all(one.is_healthy for one in self.streams)

    @property
    def could_look(self) -> bool:
        """Whether the stack could be looked at: without it, next to nothing can."""
        return not any(one.check == "stack" and one.verdict.outcome is Outcome.UNKNOWN for one in self.stack_findings)

    def document(self) -> dict[str, Any]:
        return {
            "stack": self.stack,
            "region": self.region,
            "healthy": self.is_healthy,
            "findings": [one.document() for one in self.stack_findings],
            "streams": [one.document() for one in self.streams],
        }


class Examination:
    """Of one stack. Every method raises CannotLookError when nobody can look at anything."""

    def __init__(
        self, stack_name: str, session: boto3.Session | None = None, patience: HealthThresholds | None = None
    ) -> None:
        self._eye = StackEye(Aws(session or boto3.Session()), stack_name, patience or HealthThresholds())
        self._of_stack: dict[str, Finding | None] = {}

    def stream(self, name: str, told: Callable[[Finding], None] = lambda _: None) -> Report:
        """The whole road of one stream's pictures. `told` hears every finding as it is made."""
        findings = tuple(_heard(self._walk(StreamEye(self._eye, name)), told))
        return self._report((StreamHealth(name, findings),))

    def fleet(self, told: Callable[[Finding], None] = lambda _: None) -> Report:
        """The stack, then every selected stream. `told` hears the stack's findings as they are made."""
        of_stack = tuple(_heard(self._walk(None), told))
        if of_stack[0].verdict.outcome is not Outcome.GOOD:
            return self._report(())
        names = sorted(self._selected())
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            health = pool.map(lambda name: StreamHealth(name, tuple(self._walk(StreamEye(self._eye, name)))), names)
            return self._report(tuple(health))

    def _report(self, streams: tuple[StreamHealth, ...]) -> Report:
        findings = tuple(one for one in self._of_stack.values() if one is not None)
        return Report(self._eye.name, self._eye.aws.region, findings, streams)

    def _walk(self, eye: StreamEye | None) -> Iterator[Finding]:
        """The stack's checks are made once, whoever comes first."""
        done: dict[str, Finding | None] = {}
        for check in ROAD:
            if check.of_stream and eye is None:
                continue
            if check.of_stream:
                done[check.name] = self._examined(check, eye, done, eye.name if eye else None)
            else:
                if check.name not in self._of_stack:
                    self._of_stack[check.name] = self._examined(check, self._eye, done, None)
                done[check.name] = self._of_stack[check.name]
            found = done[check.name]
            if found is not None:
                yield found

    def _examined(
        self, check: Check, eye: Any, done: Mapping[str, Finding | None], stream: str | None
    ) -> Finding | None:
        """None for a check that is not for this stack."""
        try:
            if check.when and self._eye.parameter(check.when) != "ENABLED":
                return None
            first = in_the_way(check.needs, done)
            if first:
                return Finding(check.name, stream, Verdict(Outcome.NOT_CHECKED, f"not checked: {first} first"))
            verdict = check.judge(check.look(eye))
        except RefusedError as error:
            verdict = unknown(f"you may not look: {error.permission} is missing", f"# have {error.permission} granted")
        except UnansweredError as error:
            verdict = unknown(f"no answer: {error}")
        return None if verdict is None else Finding(check.name, stream, verdict)

    def _selected(self) -> frozenset[str]:
        """Those too that are named and don't exist. Raises RefusedError, UnansweredError."""
        chosen = self._eye.selection
        present = {
            one["StreamName"]
            for page in self._eye.aws.pages("kinesisvideo", "list_streams", MaxResults=1000)
            for one in page["StreamInfoList"]
        }
        return chosen.literal_names | {name for name in present if self._is_selected(name, chosen)}

    def _is_selected(self, name: str, selection: StreamSelection) -> bool:
        return selection.matches_name(name) or (
            bool(selection.tag_filters) and StreamEye(self._eye, name).selection.selected
        )


def _heard(findings: Iterator[Finding], told: Callable[[Finding], None]) -> Iterator[Finding]:
    for one in findings:
        told(one)
        yield one
