"""Reads the functions' structured log lines with FilterLogEvents, which is free and also works on the local cloud."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.config import Config
from kinesight.domain.json_text import parse_json
from kinesight.domain.model import from_epoch_ms

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.stack_lookup import Resources

_CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 10}, connect_timeout=10, read_timeout=60)
_AT_ONCE = 4
"""FilterLogEvents allows five calls per second in the smallest Regions ("CloudWatch Logs quotas")."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a function's log; `fields` are the other keys of its JSON document."""

    at: datetime
    function: str
    message: str
    fields: dict[str, Any]


def find(stack: Resources, term: str, begin: datetime) -> list[LogLine]:
    """Returns all lines since `begin` that contain the term, in order of time. Raises botocore's errors."""
    client: Any = aws_session.client("logs", _CONFIG)
    begin_ms = round(begin.astimezone(UTC).timestamp() * 1000)
    groups = stack.of_type("AWS::Logs::LogGroup")

    def of_group(logical_id: str) -> list[LogLine]:
        return list(_of_group(client, logical_id, groups[logical_id], term, begin_ms))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = [line for lines in pool.map(of_group, groups) for line in lines]
    return sorted(found, key=lambda line: line.at)


def _of_group(client: Any, logical_id: str, name: str, term: str, begin_ms: int) -> Iterator[LogLine]:
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=name, filterPattern=f'"{term}"', startTime=begin_ms
    )
    for page in pages:
        for event in page["events"]:
            line = parse_line(logical_id.removesuffix("Logs"), event["timestamp"], event["message"])
            if line is not None:
                yield line


def parse_line(function: str, epoch_ms: int, text: str) -> LogLine | None:
    """Returns None for lines that the functions' logger did not write: Lambda's own, and metrics."""
    try:
        document = parse_json(text)
    except ValueError:
        return None
    if not isinstance(document, dict) or not isinstance(document.get("message"), str):
        return None
    return LogLine(from_epoch_ms(epoch_ms), function, document.pop("message"), document)
