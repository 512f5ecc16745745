"""Executions of the on-demand workflow that other functions start: the name contains the range, so it starts once.

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
"""Statuses of executions that have not ended (API_DescribeExecution)."""
_STREAM_ARN = re.compile(r"^arn:[a-z\d-]+:kinesisvideo:[a-z0-9-]+:[0-9]{12}:stream/(?P<name>[a-zA-Z0-9_.-]+)/[0-9]+$")


def stream_name_of(stream_arn: str) -> str | None:
    """Returns the name in a stream's ARN, or None for other text (pattern of UpdateNotificationConfiguration's
    StreamARN)."""
    match = _STREAM_ARN.match(stream_arn)
    return match["name"] if match else None


def on_grid(moment_ms: int, interval_ms: int) -> int:
    """Returns the last multiple of the interval since 1970 at or before a moment. Overlapping ranges that start on this
    grid sample the same moments, so that the ledger recognizes repeated frames."""
    return moment_ms // interval_ms * interval_ms


@dataclass(frozen=True, slots=True)
class RunDetails:
    """An execution. `status` is that of Step Functions; `summary` is the output of a succeeded execution; `error` is
    the message of a failed one, else empty."""

    status: str
    document: Mapping[str, Any]
    started_at: datetime
    ended_at: datetime | None = None
    summary: Mapping[str, Any] | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class AnalysisRun:
    """A range of a stream by the selected timestamp, both ends included. `last_fragment` distinguishes two ranges of
    the same time, of which the second was recorded after the camera's clock was set back."""

    stream_arn: str
    selector: Selector
    start_ms: int
    end_ms: int
    interval_ms: int
    last_fragment: str = ""

    def execution_name(self, kind: str, attempt: int = 1) -> str:
        """Returns a name of at most 80 characters, all valid in CloudWatch Logs; `kind` is a short name of the
        caller."""
        stream = re.sub(r"[^a-zA-Z0-9_-]", "_", stream_name_of(self.stream_arn) or "")[:24]
        identity = f"{self.stream_arn} {self.selector} {self.interval_ms} {self.last_fragment}".strip()
        digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
        name = f"{kind}-{stream}-{digest}-{self.start_ms}-{self.end_ms}"
        return name if attempt == 1 else f"{name}-{attempt}"

    def document(self, *, allow_empty: bool = False) -> dict[str, Any]:
        """Returns the input of the execution."""
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
