"""EventBridge schedules with a rate."""

import logging
import re
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger(__name__)

_UNITS_S = {"minute": 60, "hour": 3600, "day": 86_400}


def interval_s(expression: str) -> float | None:
    """The interval of a rate(); None for other expressions, such as cron()."""
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    return float(rate[1]) * _UNITS_S[rate[2]] if rate else None


class Schedule:
    """Invokes a target at an interval, first after one interval, as EventBridge does; also after errors."""

    def __init__(self, name: str, every_s: float, invoke: Callable[[Any], Any]) -> None:
        self._name = name
        self._every_s = every_s
        self._invoke = invoke
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"schedule {name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the current invocation."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self._invoke(self._event())
            except Exception:  # moto runs in this process: any error may pass, and must not end the thread
                log.exception("%s: the invocation failed", self._name)

    def _event(self) -> dict[str, Any]:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "123456789012",
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "region": "us-east-1",
            "resources": [f"arn:aws:events:us-east-1:123456789012:rule/{self._name}"],
            "detail": {},
        }
