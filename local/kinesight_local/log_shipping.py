"""Sends the functions' log files to moto's CloudWatch Logs, so that log readers work as on AWS.

A thread checks the files twice a second and sends new lines in one call per file. A function that logs nothing costs
one `stat`.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

log = logging.getLogger(__name__)

_EVERY_S = 0.5
_STREAM = "local"
_MOST_EVENTS = 1000
_MOST_BYTES = 500_000
"""Below PutLogEvents' limits per call: 10,000 events and 1 MB (API_PutLogEvents)."""


class LogShipper:
    """Sends new lines in a thread until `stop`."""

    def __init__(self, client: Any, log_dir: Path) -> None:
        """`client` is boto3's for CloudWatch Logs."""
        self._client = client
        self._log_dir = log_dir
        self._groups: dict[Path, str] = {}
        self._read_bytes: dict[Path, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log shipping", daemon=True)
        self._thread.start()

    def add(self, function: str, group: str) -> None:
        """Sends a function's log file to a log group from now on. May be called once per function."""
        if group not in self._groups.values():
            self._client.create_log_stream(logGroupName=group, logStreamName=_STREAM)
        self._groups[self._log_dir / f"{function}.log"] = group

    def stop(self) -> None:
        """Sends all remaining whole lines, then ends the thread."""
        self._stopping.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            self._ship()
        self._ship()

    def _ship(self) -> None:
        for file, group in list(self._groups.items()):
            try:
                self._send(file, group)
            except (ClientError, BotoCoreError):
                log.exception("cannot send the log of %s", file.stem)

    def _send(self, file: Path, group: str) -> None:
        """Sends whole lines only; an incomplete last line is sent once it is whole."""
        start = self._read_bytes.get(file, 0)
        if not file.exists() or file.stat().st_size <= start:
            return
        with file.open("rb") as opened:
            opened.seek(start)
            whole, newline, _ = opened.read().rpartition(b"\n")
        for events in _batches(whole):
            self._client.put_log_events(logGroupName=group, logStreamName=_STREAM, logEvents=events)
        self._read_bytes[file] = start + len(whole) + len(newline)


def _batches(text: bytes) -> Iterator[list[dict[str, Any]]]:
    now_ms = round(time.time() * 1000)
    events: list[dict[str, Any]] = []
    size = 0
    for line in filter(None, text.split(b"\n")):
        if events and (len(events) == _MOST_EVENTS or size + len(line) > _MOST_BYTES):
            yield _sorted_by_time(events)
            events, size = [], 0
        message = line.decode(errors="replace")
        events.append({"timestamp": _epoch_ms(message, now_ms), "message": message})
        size += len(line)
    if events:
        yield _sorted_by_time(events)


def _sorted_by_time(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(events, key=lambda one: one["timestamp"])


def _epoch_ms(line: str, now_ms: int) -> int:
    """The timestamp that Powertools wrote into the line; `now_ms` for other lines."""
    if line.startswith("{"):
        with suppress(ValueError, KeyError, TypeError):
            written = datetime.strptime(json.loads(line)["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z")
            return round(written.timestamp() * 1000)
    return now_ms
