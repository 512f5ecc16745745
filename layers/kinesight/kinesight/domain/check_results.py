"""Results of health checks: ok, failed with a cause and the next step, warning, or skipped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """`warning`: the check could not run, or is inconclusive. `skipped`: a check that it needs has failed."""

    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    SKIPPED = "skipped"


class Cause(StrEnum):
    """Causes of failed checks. docs/troubleshooting.md has a row for each."""

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
    IMAGES_NOT_WRITTEN = "images-not-written"
    BUCKET_NOT_NOTIFYING = "bucket-not-notifying"
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
    IMAGES_WAIT = "images-wait"
    DEAD_LETTERS = "dead-letters"
    TOPIC_MISSING = "topic-missing"
    ALERTS_UNSUBSCRIBED = "alerts-unsubscribed"
    ALERTS_UNCONFIRMED = "alerts-unconfirmed"
    NOTIFICATIONS_NOT_CONFIGURED = "notifications-not-configured"
    NOTIFICATIONS_UNSUBSCRIBED = "notifications-unsubscribed"
    LIVE_UNREAD = "live-unread"
    LIVE_LATE = "live-late"


@dataclass(frozen=True, slots=True)
class Result:
    """`fact` is what was measured. `explanation` and `next_step` are for people; the latter is a command if possible.

    `measured` has the values of `fact` for programs, with units in the names.
    """

    status: Status
    fact: str
    cause: Cause | None = None
    explanation: str = ""
    next_step: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)


def ok(fact: str, **measured: Any) -> Result:
    return Result(Status.OK, fact, measured=measured)


def failed(cause: Cause, fact: str, explanation: str, next_step: str, **measured: Any) -> Result:
    return Result(Status.FAILED, fact, cause, explanation, next_step, measured)


def warning(fact: str, next_step: str = "") -> Result:
    return Result(Status.WARNING, fact, next_step=next_step)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check. `stream` is None for a check of the stack."""

    check: str
    stream: str | None
    result: Result

    @property
    def has_failed(self) -> bool:
        return self.result.status is Status.FAILED

    def document(self) -> dict[str, Any]:
        """Returns the result as JSON, without empty values."""
        document = {
            "check": self.check,
            "stream": self.stream,
            "status": self.result.status.value,
            "fact": self.result.fact,
            "cause": self.result.cause,
            "explanation": self.result.explanation,
            "nextStep": self.result.next_step,
            "measured": dict(self.result.measured),
        }
        return {name: value for name, value in document.items() if value}


def blocking_check(needs: Sequence[str], done: Mapping[str, CheckResult | None]) -> str | None:
    """Returns the first needed check that has failed or was skipped."""
    for need in needs:
        found = done.get(need)
        if found is not None and found.result.status in (Status.FAILED, Status.SKIPPED):
            return need
    return None
