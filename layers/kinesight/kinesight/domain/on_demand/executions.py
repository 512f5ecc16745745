"""An execution of the on-demand workflow as other functions start it: its name says its range, so it starts once.

A second StartExecution under a name that was used in the last 90 days does nothing (API_StartExecution).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kinesight.domain.model import Selector, from_epoch_ms

RUNNING = frozenset({"RUNNING", "PENDING_REDRIVE"})
"""What Step Functions calls executions that have not ended (API_DescribeExecution)."""
_STREAM_ARN = re.compile(r"^arn:[a-z\d-]+:kinesisvideo:[a-z0-9-]+:[0-9]{12}:stream/(?P<name>[a-zA-Z0-9_.-]+)/[0-9]+$")


def stream_name_of(stream_arn: str) -> str | None:
    """The name in a stream's ARN, or None if it is not one (pattern of UpdateNotificationConfiguration's StreamARN)."""
    match = _STREAM_ARN.match(stream_arn)
    return match["name"] if match else None


def on_grid(moment_ms: int, interval_ms: int) -> int:
    """The last whole interval since 1970 at or before a moment. Ranges that begin on this grid sample the same moments
    where they overlap, so that the second look is known for one."""
    return moment_ms // interval_ms * interval_ms


@dataclass(frozen=True, slots=True)
class RunDetails:
    """An execution. `status` is Step Functions'; `summary` is its output once it has succeeded; `error` is a sentence,
    empty unless it failed."""

    status: str
    document: Mapping[str, Any]
    started_at: datetime
    ended_at: datetime | None = None
    summary: Mapping[str, Any] | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class AnalysisRun:
    """A range of a stream, by the selector's clock, both ends included."""

    stream_arn: str
    selector: Selector
    start_ms: int
    end_ms: int
    interval_ms: int

    def execution_name(self, kind: str, attempt: int = 1) -> str:
        """At most 80 characters of those that CloudWatch Logs takes too; `kind`: who starts it, in few letters."""
        stream = re.sub(r"[^a-zA-Z0-9_-]", "_", stream_name_of(self.stream_arn) or "")[:24]
        whole = f"{self.stream_arn} {self.selector} {self.interval_ms}"
        digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
        name = f"{kind}-{stream}-{digest}-{self.start_ms}-{self.end_ms}"
        return name if attempt == 1 else f"{name}-{attempt}"

    def document(self, *, allow_empty: bool = False) -> dict[str, Any]:
        """The execution's input."""
        return {
            "StreamARN": self.stream_arn,
            "StartTimestamp": _iso(self.start_ms),
            "EndTimestamp": _iso(self.end_ms),
            "ImageSelectorType": self.selector,
            "SamplingInterval": self.interval_ms,
            "AllowEmpty": allow_empty,
        }


def _iso(epoch_ms: int) -> str:
    return from_epoch_ms(epoch_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
