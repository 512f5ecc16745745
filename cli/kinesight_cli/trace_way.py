"""One frame's way: what was found of it, in the order of time, and why the rest is missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kinesight.domain.correlation import correlation_id
from kinesight.domain.model import from_epoch_ms

from kinesight_cli.dead_letters import ATTEMPTS_EXHAUSTED, Letter
from kinesight_cli.log_lines import Line

_SHOWN_FIELDS = (
    "reason",
    "matched",
    "matched_labels",
    "session_id",
    "channel",
    "execution",
    "missing",
    "fragments",
)


@dataclass(slots=True)
class FrameFacts:
    """What tells a frame from all others, as far as it is known; `at_ms` in epoch milliseconds."""

    stream_name: str | None = None
    fragment_number: str | None = None
    at_ms: int | None = None
    image_key: str | None = None
    result_id: str | None = None
    execution: str | None = None

    def learn(self, fields: Mapping[str, Any]) -> None:
        """From a log line; what is known stays."""
        self.stream_name = self.stream_name or fields.get("stream_name")
        self.fragment_number = self.fragment_number or fields.get("fragment_number")
        self.at_ms = self.at_ms if self.at_ms is not None else fields.get("image_epoch_ms")
        self.image_key = self.image_key or fields.get("image_key")
        self.result_id = self.result_id or fields.get("result_id")
        self.execution = self.execution or fields.get("execution")

    @property
    def correlation_id(self) -> str | None:
        if self.stream_name is None or (self.fragment_number is None and self.at_ms is None):
            return None
        return correlation_id(self.stream_name, self.fragment_number, from_epoch_ms(self.at_ms or 0))

    def owns(self, line: Line) -> bool:
        """Whether a log line is about this frame, or about all of its fragment."""
        result_id, image_key = line.fields.get("result_id"), line.fields.get("image_key")
        if result_id is not None and self.result_id is not None:
            return bool(result_id == self.result_id)
        if image_key is not None and self.image_key is not None:
            return bool(image_key == self.image_key)
        number = line.fields.get("fragment_number")
        return number is not None and number == self.fragment_number and result_id is None and image_key is None


@dataclass(frozen=True, slots=True)
class Step:
    """`at` is None where nothing tells when."""

    at: datetime | None
    place: str
    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Way:
    """What was found. None: not there, or there is nothing that says where to look. `images_waiting`: messages in the
    images queue; `letters`: (place, letter)."""

    frame: FrameFacts
    lines: list[Line] = field(default_factory=list)
    recorded: Step | None = None
    picture: Step | None = None
    execution: Step | None = None
    ledger: Step | None = None
    record: Step | None = None
    matched: bool | None = None
    evidence: dict[str, Step] = field(default_factory=dict)
    session: Step | None = None
    letters: list[tuple[str, Letter]] = field(default_factory=list)
    images_waiting: int = 0

    def steps(self) -> list[Step]:
        """In the order of time; those without one at the end."""
        single = (self.recorded, self.picture, self.execution, self.ledger, self.record, self.session)
        found = [one for one in single if one is not None]
        found += [_step_of(line) for line in self.lines]
        found += self.evidence.values()
        found += [_step_of_letter(place, letter) for place, letter in self.letters]
        return sorted(found, key=lambda one: (one.at is None, one.at.timestamp() if one.at else 0))

    def missing(self) -> dict[str, str]:
        """What a frame may leave and this one has not, each with the reason as far as it is known."""
        if self.frame.image_key is None:
            return {"picture": _NO_PICTURE}
        absent = {} if self.picture is not None else {"picture": "it has expired (ImageRetentionDays), or was deleted"}
        if not self._is_analyzed:
            return absent | {"result": self._why_no_result()}
        if self.record is None:
            absent["result"] = "it was published, and the results stream keeps 48 hours"
        if not self._has_matched:
            return absent | {"evidence": "no rule matched, so none is kept"}
        gone = [name for name in ("record", "annotated", "fragment") if name not in self.evidence]
        absent |= {f"evidence: {name}": self._why_no_evidence() for name in gone}
        if self.session is None:
            absent["session"] = "none has it yet, or its rules are of another day; kinesight replay tells"
        if not self.said("alerted"):
            absent["alert"] = self._why_no_alert()
        return absent

    def said(self, *messages: str) -> Line | None:
        """The last log line with one of these messages."""
        return next((one for one in reversed(self.lines) if one.message in messages), None)

    @property
    def _is_analyzed(self) -> bool:
        return self.record is not None or "record" in self.evidence or self.said("analyzed") is not None

    @property
    def _has_matched(self) -> bool:
        analyzed = self.said("analyzed")
        return bool(self.matched or "record" in self.evidence or (analyzed and analyzed.fields.get("matched")))

    def _why_no_result(self) -> str:
        if self.said("gated"):
            return "the frame gate held it back: it shows nothing new (docs/gate.md)"
        if over_budget := self.said("over budget"):
            return f"the budget held it back (docs/budget.md): {over_budget.fields.get('reason', 'see the runbook')}"
        if buried := self._buried(("images", "live")):
            return buried
        if failed := self.said("to be retried", "given up"):
            return f"{failed.message}: {failed.fields.get('reason')}"
        if self.ledger is not None and self.ledger.facts.get("status") == "INPROGRESS":
            return "it is being analyzed, or a function died at it: then it is tried again"
        if self.said("already analyzed"):
            return "it was already analyzed, or gated; those log lines are older than the search (--since)"
        if self.images_waiting:
            return f"no function has seen it yet: {self.images_waiting} messages wait in the images queue"
        return "no function has logged it since then (--since), and nothing waits: kinesight doctor"

    def _why_no_evidence(self) -> str:
        if buried := self._buried(("evidence",)):
            return buried
        if told := self.said("evidence that can't be had any more", "to be retried"):
            return f"{told.message}: {told.fields.get('reason')}"
        return "not kept yet, or expired (EvidenceRetentionDays)"

    def _why_no_alert(self) -> str:
        if buried := self._buried(("sessions", "evidence")):
            return buried
        if self.session is not None and self.session.facts.get("class") == "ACTIVITY":
            return "rules of class ACTIVITY alert nobody"
        if self.session is not None:
            return (
                "the session's alert was sent before the search begins (--since), waits for its channel, or none is due"
            )
        return "alerts are sessions', and none has it"

    def _buried(self, places: Sequence[str]) -> str | None:
        for place, letter in self.letters:
            if place in places:
                return f"in the dead letters of {place}: {self._reason(letter)}; when that is mended, kinesight redrive"
        return None

    def _reason(self, letter: Letter) -> str:
        """Nobody told one where a queue gave up; then it is what the last try said."""
        if letter.reason != ATTEMPTS_EXHAUSTED:
            return f"{letter.reason}: {letter.explanation}"
        last = self.said("to be retried")
        return ATTEMPTS_EXHAUSTED + (f", last by {last.fields.get('reason')}" if last else "")


_NO_PICTURE = (
    "KVS wrote none that is to be found: does the camera tag its fragments, is the stream configured, do names begin "
    "with a prefix of the producer's? kinesight doctor looks"
)


def _step_of(line: Line) -> Step:
    facts = {name: line.fields[name] for name in _SHOWN_FIELDS if line.fields.get(name) not in (None, [], {})}
    return Step(line.at, line.function, line.message, facts)


def _step_of_letter(place: str, letter: Letter) -> Step:
    return Step(letter.sent, f"dead letters of {place}", letter.reason, {"explanation": letter.explanation})
