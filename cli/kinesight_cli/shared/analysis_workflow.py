"""Starts the on-demand workflow of a deployed stack and follows it."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.stack_lookup import output

_POLL_S = 0.5
_OUTPUT = "AnalyzeRangeArn"


class AnalysisError(CommandError):
    """The workflow could not be started, or failed."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A started execution."""

    arn: str
    name: str


def start(stack_name: str, workflow_input: Mapping[str, Any], name: str | None = None) -> Execution:
    """Starts an execution; without `name`, its name has the stream and the time. Raises AnalysisError, StackError."""
    client = aws_session.client("stepfunctions")
    chosen, machine = name or _name(str(workflow_input.get("StreamName"))), output(stack_name, _OUTPUT)
    try:
        started = client.start_execution(stateMachineArn=machine, name=chosen, input=json.dumps(workflow_input))
    except (BotoCoreError, ClientError) as error:
        raise AnalysisError(f"cannot start the on-demand workflow {machine}: {aws_session.problem(error)}") from error
    return Execution(started["executionArn"], chosen)


def follow(execution: Execution, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Waits for the end and returns the summary. Raises AnalysisError.

    Calls `progress(windows done, all windows)`.
    """
    client = aws_session.client("stepfunctions")
    while True:
        described = client.describe_execution(executionArn=execution.arn)
        if described["status"] == "SUCCEEDED":
            summary: dict[str, Any] = json.loads(described["output"])
            return summary
        if described["status"] != "RUNNING":
            raise AnalysisError(f"{described.get('error', described['status'])}: {described.get('cause', '')}")
        progress(*_windows(client, execution.arn))
        time.sleep(_POLL_S)  # botocore has no waiter for executions


def _windows(client: Any, execution_arn: str) -> tuple[int, int]:
    """Returns (done, all) of the Map state; zeros before it begins, and if the counts cannot be read."""
    try:
        runs = client.list_map_runs(executionArn=execution_arn)["mapRuns"]
        counts = client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"] if runs else {}
    except (BotoCoreError, ClientError):
        counts = {}  # progress is optional
    return counts.get("succeeded", 0) + counts.get("failed", 0), counts.get("total", 0)


def _name(stream_name: str) -> str:
    readable = re.sub(r"[^a-zA-Z0-9_-]", "-", stream_name)[:40]
    return f"{readable}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
