"""What was found about one frame, in order of time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kinesight.domain.correlation import correlation_id
from kinesight.domain.model import from_epoch_ms

from kinesight_cli.shared.dead_letters import DeadLetter
from kinesight_cli.trace.log_lines import LogLine

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
class FrameIds:
    """Identifiers of a frame, as far as they are known; `at_ms` in epoch milliseconds."""

    stream_name: str | None = None
    fragment_number: str | None = None
    at_ms: int | None = None
    image_key: str | None = None
    result_id: str | None = None
    execution: str | None = None

    def add(self, fields: Mapping[str, Any]) -> None:
        """Takes missing identifiers from the fields of a log line."""
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

    def matches(self, line: LogLine) -> bool:
        """Returns whether a log line is about this frame, or about its whole fragment."""
        result_id, image_key = line.fields.get("result_id"), line.fields.get("image_key")
        if result_id is not None and self.result_id is not None:
            return bool(result_id == self.result_id)
        if image_key is not None and self.image_key is not None:
            return bool(image_key == self.image_key)
        number = line.fields.get("fragment_number")
        return number is not None and number == self.fragment_number and result_id is None and image_key is None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the pipeline. `at` is None where nothing records the time."""

    at: datetime | None
    place: str
    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class FrameTrace:
    """What was found. None: it does not exist, or the identifiers do not suffice to find it. `images_waiting`: messages
    in the images queue. `dead_letters`: (queue, message)."""

    frame: FrameIds
    lines: list[LogLine] = field(default_factory=list)
    recorded: Step | None = None
    image: Step | None = None
    execution: Step | None = None
    ledger: Step | None = None
    record: Step | None = None
    matched: bool | None = None
    evidence: dict[str, Step] = field(default_factory=dict)
    session: Step | None = None
    dead_letters: list[tuple[str, DeadLetter]] = field(default_factory=list)
    images_waiting: int = 0

    def steps(self) -> list[Step]:
        """Returns all steps in order of time; those without a time are last."""
        single = (self.recorded, self.image, self.execution, self.ledger, self.record, self.session)
        found = [one for one in single if one is not None]
        found += [_line_step(line) for line in self.lines]
        found += self.evidence.values()
        found += [_dead_letter_step(queue, message) for queue, message in self.dead_letters]
        return sorted(found, key=lambda one: (one.at is None, one.at.timestamp() if one.at else 0))

    def last_line(self, *messages: str) -> LogLine | None:
        """Returns the last log line with one of these messages."""
        return next((one for one in reversed(self.lines) if one.message in messages), None)


def _line_step(line: LogLine) -> Step:
    facts = {name: line.fields[name] for name in _SHOWN_FIELDS if line.fields.get(name) not in (None, [], {})}
    return Step(line.at, line.function, line.message, facts)


def _dead_letter_step(queue: str, message: DeadLetter) -> Step:
    return Step(message.sent, f"dead-letter queue {queue}", message.reason, {"explanation": message.explanation})
