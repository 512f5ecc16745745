"""What a check finds: good, broken with its cause and the next step, unknown, or not checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """`unknown`: nobody could look. `not-checked`: something before it is broken, so looking would tell nothing."""

    GOOD = "good"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    NOT_CHECKED = "not-checked"


class Cause(StrEnum):
    """Every broken state that is told apart. docs/troubleshooting.md has a row for each."""

    STACK_MISSING = "stack-missing"
    STACK_UNFINISHED = "stack-unfinished"
    STREAM_MISSING = "stream-missing"
    STREAM_NOT_ACTIVE = "stream-not-active"
    NO_RETENTION = "no-retention"
    NOT_SELECTED = "not-selected"
    STREAM_KEY_UNUSABLE = "stream-key-unusable"
    IMAGES_NOT_CONFIGURED = "images-not-configured"
    IMAGES_DISABLED = "images-disabled"
    IMAGES_ELSEWHERE = "images-elsewhere"
    IMAGES_DRIFTED = "images-drifted"
    BUCKET_MISSING = "bucket-missing"
    DESTINATION_REGION = "destination-region"
    BUCKET_REFUSES = "bucket-refuses"
    KEY_UNUSABLE = "key-unusable"
    NO_FRAGMENTS = "no-fragments"
    PRODUCER_SILENT = "producer-silent"
    CLOCK_OFF = "clock-off"
    UNTAGGED = "untagged"
    CODEC_UNUSABLE = "codec-unusable"
    PICTURES_NOT_WRITTEN = "pictures-not-written"
    BUCKET_TELLS_NOBODY = "bucket-tells-nobody"
    QUEUE_MISSING = "queue-missing"
    QUEUE_REFUSES = "queue-refuses"
    MAPPING_MISSING = "mapping-missing"
    MAPPING_DISABLED = "mapping-disabled"
    FUNCTION_THROTTLED = "function-throttled"
    FUNCTION_NOT_READY = "function-not-ready"
    ENDPOINT_NOT_IN_SERVICE = "endpoint-not-in-service"
    COLLECTION_MISSING = "collection-missing"
    MODEL_NOT_RUNNING = "model-not-running"
    MODEL_SILENT = "model-silent"
    MODEL_NOT_ALLOWED = "model-not-allowed"
    RESULTS_STREAM_MISSING = "results-stream-missing"
    EVIDENCE_BUCKET_MISSING = "evidence-bucket-missing"
    FUNCTION_ERRORS = "function-errors"
    PICTURES_WAIT = "pictures-wait"
    DEAD_LETTERS = "dead-letters"
    TOPIC_MISSING = "topic-missing"
    ALERTS_UNSUBSCRIBED = "alerts-unsubscribed"
    ALERTS_UNCONFIRMED = "alerts-unconfirmed"
    NOTIFICATIONS_NOT_CONFIGURED = "notifications-not-configured"
    NOTIFICATIONS_UNSUBSCRIBED = "notifications-unsubscribed"
    LIVE_UNREAD = "live-unread"
    LIVE_LATE = "live-late"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fact` is what was measured; `because` and `next_step` are for a person, the latter a command where there is one.

    `measured` is `fact` for a program, with units in its names.
    """

    outcome: Outcome
    fact: str
    cause: Cause | None = None
    because: str = ""
    next_step: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)


def good(fact: str, **measured: Any) -> Verdict:
    return Verdict(Outcome.GOOD, fact, measured=measured)


def broken(cause: Cause, fact: str, because: str, next_step: str, **measured: Any) -> Verdict:
    return Verdict(Outcome.BROKEN, fact, cause, because, next_step, measured)


def unknown(fact: str, next_step: str = "") -> Verdict:
    return Verdict(Outcome.UNKNOWN, fact, next_step=next_step)


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's verdict; `stream` is None where it is of the whole stack."""

    check: str
    stream: str | None
    verdict: Verdict

    @property
    def is_broken(self) -> bool:
        return self.verdict.outcome is Outcome.BROKEN

    def document(self) -> dict[str, Any]:
        """As JSON; what is empty is left out."""
        told = {
            "check": self.check,
            "stream": self.stream,
            "outcome": self.verdict.outcome.value,
            "fact": self.verdict.fact,
            "cause": self.verdict.cause,
            "because": self.verdict.because,
            "nextStep": self.verdict.next_step,
            "measured": dict(self.verdict.measured),
        }
        return {name: value for name, value in told.items() if value}


def in_the_way(needs: Sequence[str], done: Mapping[str, Finding | None]) -> str | None:
    """The first need that is broken, or that was not checked itself."""
    for need in needs:
        found = done.get(need)
        if found is not None and found.verdict.outcome in (Outcome.BROKEN, Outcome.NOT_CHECKED):
            return need
    return None
