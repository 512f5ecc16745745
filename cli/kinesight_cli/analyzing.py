"""Starting the on-demand workflow of a deployed stack, and following it."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kinesight_cli.stacks import output

_CLIENT = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
_POLL_S = 0.5
_OUTPUT = "AnalyzeRangeArn"


class AnalysisError(Exception):
    """The workflow could not be started, or failed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A started execution."""

    arn: str
    name: str


def start(stack_name: str, wanted: Mapping[str, Any], name: str | None = None) -> Execution:
    """`wanted` is the workflow's input. Raises AnalysisError and StackError."""
    client = boto3.client("stepfunctions", config=_CLIENT)
    chosen = name or _name(str(wanted.get("StreamName")))
    try:
        arn = client.start_execution(stateMachineArn=output(stack_name, _OUTPUT), name=chosen, input=json.dumps(wanted))
    except (BotoCoreError, ClientError) as error:
        raise AnalysisError(f"the workflow can't be started: {error}") from error
    return Execution(arn["executionArn"], chosen)


def follow(execution: Execution, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Until it ends; the summary. `progress` hears windows done and all windows. Raises AnalysisError."""
    client = boto3.client("stepfunctions", config=_CLIENT)
    while True:
        told = client.describe_execution(executionArn=execution.arn)
        if told["status"] == "SUCCEEDED":
            summary: dict[str, Any] = json.loads(told["output"])
            return summary
        if told["status"] != "RUNNING":
            raise AnalysisError(f"{told.get('error', told['status'])}: {told.get('cause', '')}")
        progress(*_windows(client, execution.arn))
        time.sleep(_POLL_S)


def download(uri: str, path: Path, progress: Callable[[int, int], None]) -> None:
    """An S3 object to a file, which is there only when it is whole. `progress` hears bytes done and all bytes.

    Raises AnalysisError.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    client = boto3.client("s3", config=_CLIENT)
    partial, done = path.with_name(path.name + ".part"), 0

    def heard(count: int) -> None:
        nonlocal done
        done += count
        progress(done, whole)

    try:
        whole = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
        client.download_file(bucket, key, str(partial), Callback=heard)
        partial.replace(path)
    except (BotoCoreError, ClientError, OSError) as error:
        partial.unlink(missing_ok=True)
        raise AnalysisError(f"{uri} can't be fetched: {error}") from error


def _windows(client: Any, execution_arn: str) -> tuple[int, int]:
    """(done, all) of the Map; zeros while it has not begun."""
    try:
        runs = client.list_map_runs(executionArn=execution_arn)["mapRuns"]
        counts = client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"] if runs else {}
    except (BotoCoreError, ClientError):
        counts = {}  # progress is a courtesy
    return counts.get("succeeded", 0) + counts.get("failed", 0), counts.get("total", 0)


def _name(stream_name: str) -> str:
    readable = re.sub(r"[^a-zA-Z0-9_-]", "-", stream_name)[:40]
    return f"{readable}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
