"""The dead-letter queues of a stack, and the target that the messages of each are sent to again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TargetType(StrEnum):
    """How a message is sent again."""

    QUEUE = "QUEUE"
    FUNCTION = "FUNCTION"
    WORKFLOW = "WORKFLOW"


@dataclass(frozen=True, slots=True)
class DeadLetterRoute:
    """`source` and `target` are logical ids in the template; the target of a function may be its event source."""

    name: str
    source: str
    target_type: TargetType
    target: str


QUEUES = (
    DeadLetterRoute("images", "ImagesDeadLetterQueue", TargetType.QUEUE, "ImagesQueue"),
    DeadLetterRoute("notifications", "NotificationsDeadLetterQueue", TargetType.QUEUE, "NotificationsQueue"),
    DeadLetterRoute("session-videos", "SessionClipsDeadLetterQueue", TargetType.QUEUE, "SessionClipsQueue"),
    DeadLetterRoute("evidence", "EvidenceDeadLetterQueue", TargetType.FUNCTION, "KeepEvidenceFunction"),
    DeadLetterRoute("sessions", "SessionsDeadLetterQueue", TargetType.FUNCTION, "TrackSessionsFunction"),
    DeadLetterRoute("consumer", "ConsumerDeadLetterQueue", TargetType.FUNCTION, "ConsumerSource"),
    DeadLetterRoute("live", "LiveDeadLetterQueue", TargetType.WORKFLOW, "AnalyzeRange"),
)
EXECUTIONS = DeadLetterRoute("executions", "AnalyzeRange", TargetType.WORKFLOW, "AnalyzeRange")
"""Failed executions of the on-demand workflow, which `redrive` treats like messages of a dead-letter queue."""
