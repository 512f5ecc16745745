"""Finds the cause of a failed step: doctor's checks, then the log of the step's function."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.check_results import Cause
from kinesight.domain.health.facts import HealthThresholds
from kinesight.domain.json_text import parse_json

from kinesight_cli.doctor.aws_reader import CannotCheckError
from kinesight_cli.doctor.check_runner import CheckRunner
from kinesight_cli.shared import aws_session
from kinesight_cli.verify.runner import Finding

if TYPE_CHECKING:
    from kinesight.domain.check_results import CheckResult

    from kinesight_cli.verify.run import Run
    from kinesight_cli.verify.steps import Step

_THRESHOLDS = HealthThresholds(silent_s=3600, image_s=5)
"""The stream is silent after the video; it has waited for images already."""
_LONGEST = 400


def diagnose(run: Run, step: Step) -> Finding | None:
    """Returns the cause of a failed step, None if none is found."""
    failed = _failed_checks(run)
    structural = (failed[name] for name in step.checks if name in failed)
    found = next(structural, None)
    if found is not None:
        return _of_check(found)
    disabled = _disabled_mapping(run, step.function)
    if disabled is not None:
        return disabled
    logged = last_error(run, step.function, run.began)
    return None if logged is None else Finding(f"{step.function}Function logs {logged}", step.next_step)


def _failed_checks(run: Run) -> dict[str, CheckResult]:
    try:
        report = CheckRunner(run.deployment.stack, aws_session.session(), _THRESHOLDS).check_stream(run.stream)
    except CannotCheckError:
        return {}
    return {one.check: one for stream in report.streams for one in stream.checks if one.has_failed}


def _disabled_mapping(run: Run, function: str) -> Finding | None:
    """Finds an event source mapping of a function that doctor does not check."""
    name = run.deployment.resources.ids.get(f"{function}Function")
    if name is None:
        return None
    try:
        pages = run.client("lambda").get_paginator("list_event_source_mappings").paginate()
        mappings = [one for page in pages for one in page["EventSourceMappings"]]
    except (BotoCoreError, ClientError):
        return None
    own = (one for one in mappings if one["FunctionArn"].rpartition(":function:")[2].split(":")[0] == name)
    disabled = next((one for one in own if one.get("State") != "Enabled"), None)
    if disabled is None:
        return None
    return Finding(
        f"the event source mapping of {function}Function is {disabled.get('State')}",
        f"aws lambda update-event-source-mapping --uuid {disabled['UUID']} --enabled",
        Cause.MAPPING_DISABLED,
    )


def _of_check(check: CheckResult) -> Finding:
    result = check.result
    return Finding(f"{result.fact}; {result.explanation}", result.next_step, str(result.cause or ""))


def last_error(run: Run, function: str, since: datetime) -> str | None:
    """Returns the last error or warning in a function's log, None if there is none or the log cannot be read."""
    group = run.deployment.resources.ids.get(f"{function}Logs")
    if not group:
        return None
    try:
        pages = (
            run.client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=group, startTime=round(since.timestamp() * 1000), filterPattern="?ERROR ?WARNING ?CRITICAL"
            )
        )
        found = [text for page in pages for one in page["events"] if (text := _problem(one["message"]))]
    except (BotoCoreError, ClientError):
        return None
    return found[-1] if found else None


def _problem(line: str) -> str:
    """Returns message and reason of an error or warning, "" of any other line."""
    try:
        document = parse_json(line)
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    if document.get("level") in ("ERROR", "WARNING", "CRITICAL"):
        reason = document.get("reason") or document.get("exception") or document.get("exception_name") or ""
        return f"{document.get('message')}: {reason}".rstrip(": ")[-_LONGEST:]
    if "errorType" in document:
        return f"{document['errorType']}: {document.get('errorMessage', '')}"[:_LONGEST]
    return ""
