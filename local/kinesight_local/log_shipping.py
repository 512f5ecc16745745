"""The functions' log files, sent on to moto's CloudWatch Logs, so that what reads logs works here as on AWS.

A thread looks at the files' ends twice a second and sends what is new in one call per file: functions that log nothing
cost a `stat`.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
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
"""Below what PutLogEvents takes in one call: 10,000 events and 1 MB (API_PutLogEvents)."""


class LogShipper:
    """Sends from when it is started until it is stopped; then also what is left."""

    def __init__(self, client: Any, log_dir: Path, groups: Mapping[str, str]) -> None:
        """`client` is boto3's for CloudWatch Logs; `groups` are log groups by the function's name."""
        self._client = client
        self._files = {log_dir / f"{function}.log": group for function, group in groups.items()}
        self._read = dict.fromkeys(self._files, 0)
        self._stopping = threading.Event()
        for group in set(groups.values()):
            client.create_log_stream(logGroupName=group, logStreamName=_STREAM)
        self._thread = threading.Thread(target=self._run, name="log shipping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            self._ship()
        self._ship()

    def _ship(self) -> None:
        for file, group in self._files.items():
            try:
                self._send(file, group)
            except (ClientError, BotoCoreError):
                log.exception("the log of %s was not sent", file.stem)

    def _send(self, file: Path, group: str) -> None:
        """Whole lines only: the end of one that is being written waits for the next time."""
        start = self._read[file]
        if not file.exists() or file.stat().st_size <= start:
            return
        with file.open("rb") as opened:
            opened.seek(start)
            whole, newline, _ = opened.read().rpartition(b"\n")
        for events in _batches(whole):
            self._client.put_log_events(logGroupName=group, logStreamName=_STREAM, logEvents=events)
        self._read[file] = start + len(whole) + len(newline)


def _batches(text: bytes) -> Iterator[list[dict[str, Any]]]:
    now_ms = round(time.time() * 1000)
    events: list[dict[str, Any]] = []
    size = 0
    for line in filter(None, text.split(b"\n")):
        if events and (len(events) == _MOST_EVENTS or size + len(line) > _MOST_BYTES):
            yield _in_time(events)
            events, size = [], 0
        message = line.decode(errors="replace")
        events.append({"timestamp": _epoch_ms(message, now_ms), "message": message})
        size += len(line)
    if events:
        yield _in_time(events)


def _in_time(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(events, key=lambda one: one["timestamp"])


def _epoch_ms(line: str, now_ms: int) -> int:
    """When Powertools says that the line was written; of any other line, now."""
    if line.startswith("{"):
        with suppress(ValueError, KeyError, TypeError):
            written = datetime.strptime(json.loads(line)["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z")
            return round(written.timestamp() * 1000)
    return now_ms
