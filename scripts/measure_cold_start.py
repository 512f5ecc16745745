"""Cold starts of a deployed stack, from its functions' own reports in CloudWatch Logs. Changes nothing.

    .venv/bin/python scripts/measure_cold_start.py kinesight-prod --hours 24

Every update of the stack makes every function start anew, so there is always something to see after one. What Lambda
writes is the event `platform.report` ("Lambda Telemetry API Event schema reference"): `initDurationMs` where the
function was started, `restoreDurationMs` where it was restored from a SnapStart snapshot. The report of a consumer of
live video comes when its fifteen minutes are over. Reading logs costs nothing beyond their storage.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """One function; milliseconds, None where nothing of the kind happened."""

    function: str
    memory_mb: int
    invocations: int
    inits: int
    init_median_ms: float | None
    init_max_ms: float | None
    restores: int
    restore_median_ms: float | None
    restore_max_ms: float | None


def summarize(function: str, reports: Iterable[Mapping[str, Any]]) -> ColdStarts:
    """Of the `metrics` of `platform.report` events."""
    seen = list(reports)
    inits = [float(one["initDurationMs"]) for one in seen if "initDurationMs" in one]
    restores = [float(one["restoreDurationMs"]) for one in seen if "restoreDurationMs" in one]
    return ColdStarts(
        function=function,
        memory_mb=max((int(one["memorySizeMB"]) for one in seen), default=0),
        invocations=len(seen),
        inits=len(inits),
        init_median_ms=statistics.median(inits) if inits else None,
        init_max_ms=max(inits, default=None),
        restores=len(restores),
        restore_median_ms=statistics.median(restores) if restores else None,
        restore_max_ms=max(restores, default=None),
    )


def reports_in(messages: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The metrics of every report among log lines; other lines are passed over."""
    for message in messages:
        try:
            event = json.loads(message)
        except json.JSONDecodeError:
            continue
        if isinstance(event, dict) and event.get("type") == "platform.report":
            yield event["record"]["metrics"]


def log_groups(stack: str) -> dict[str, str]:
    """Log group by function. Raises ClientError if there is no such stack."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    functions = {
        one["LogicalResourceId"].removesuffix("Function")
        for one in resources
        if one["ResourceType"] == "AWS::Lambda::Function"
    }
    return {
        one["LogicalResourceId"].removesuffix("Logs") + "Function": one["PhysicalResourceId"]
        for one in resources
        if one["ResourceType"] == "AWS::Logs::LogGroup" and one["LogicalResourceId"].removesuffix("Logs") in functions
    }


def messages_of(group: str, since_epoch_ms: int) -> Iterator[str]:
    pages = (
        boto3.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=group, startTime=since_epoch_ms, filterPattern='"platform.report"')
    )
    return (event["message"] for page in pages for event in page["events"])


def table(found: Iterable[ColdStarts]) -> str:
    lines = ["| function | MB | invocations | started | median ms | most ms | restored | median ms | most ms |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for one in found:
        cells = [str(value) if isinstance(value, (str, int)) else _ms(value) for value in asdict(one).values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stack")
    parser.add_argument("--hours", type=float, default=24.0, help="how far to look back (24)")
    parser.add_argument("--json", action="store_true", help="one JSON list instead of a table")
    given = parser.parse_args(arguments)
    since = int(time.time() * 1000 - given.hours * _HOUR_MS)
    try:
        groups = log_groups(given.stack)
        found = [summarize(name, reports_in(messages_of(group, since))) for name, group in sorted(groups.items())]
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"{error}\nCheck the stack's name, the Region and the credentials (aws sts get-caller-identity).")
    sys.stdout.write(json.dumps([asdict(one) for one in found], indent=2) + "\n" if given.json else table(found))


if __name__ == "__main__":
    main(sys.argv[1:])
