"""Options of a redrive, and its report."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from kinesight_cli.shared.dead_letter_routes import DeadLetterRoute
from kinesight_cli.shared.dead_letters import DeadLetter


@dataclass(frozen=True, slots=True)
class RedriveOptions:
    """Which messages: of these queues and reasons (empty: all), and at most `limit` of each queue."""

    queues: Collection[str] = ()
    reasons: Collection[str] = ()
    limit: int = 1000
    dry_run: bool = False


@dataclass(slots=True)
class Group:
    """Messages of one queue with the same reason and the same action. `explanation` is that of one of them."""

    queue: str
    reason: str
    action: str
    messages: int = 0
    explanation: str = ""


@dataclass(slots=True)
class Report:
    """`found`: messages by queue, at most the limit. `sent` and `skipped` are 0 in a dry run."""

    found: dict[str, int] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    sent: int = 0
    skipped: int = 0

    def add(self, route: DeadLetterRoute, message: DeadLetter, action: str) -> None:
        """Counts a message."""
        key = (route.name, message.reason, action)
        group = next((one for one in self.groups if (one.queue, one.reason, one.action) == key), None)
        if group is None:
            group = Group(*key, explanation=message.explanation)
            self.groups.append(group)
        group.messages += 1

    def document(self) -> dict[str, Any]:
        """Returns the report as JSON."""
        groups = [{name: getattr(one, name) for name in Group.__slots__} for one in self.groups]
        return {"found": self.found, "groups": groups, "sent": self.sent, "skipped": self.skipped}
