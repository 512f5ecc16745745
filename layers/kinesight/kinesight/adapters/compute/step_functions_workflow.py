"""AnalysisWorkflow on Step Functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import ThrottledError, WorkflowRefusedError
from kinesight.domain.json_text import InvalidJsonError, parse_json
from kinesight.domain.on_demand.executions import RUNNING, RunDetails
from kinesight.domain.on_demand.ports import RunStatus

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef
_ERROR_CHARACTERS = 1000


class StepFunctionsWorkflow:
    """One state machine."""

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        """Calls StartExecution. It also succeeds for a running execution with the same name and input."""
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(document))
        except AWS_ERRORS as error:
            if _is(error, "ExecutionAlreadyExists"):
                return False
            raise translate(error, f"start {name}", transient=ThrottledError, permanent=WorkflowRefusedError) from error
        return True

    def status(self, name: str) -> RunStatus | None:
        """Calls DescribeExecution. Timed out and aborted executions are FAILED; one pending redrive is RUNNING."""
        found = self._described(name)
        if found is None:
            return None
        if found["status"] in RUNNING:
            return RunStatus.RUNNING
        return RunStatus.SUCCEEDED if found["status"] == "SUCCEEDED" else RunStatus.FAILED

    def describe(self, name: str) -> RunDetails | None:
        """Calls DescribeExecution. Truncates the error to 1,000 characters."""
        found = self._described(name)
        if found is None:
            return None
        return RunDetails(
            status=found["status"],
            document=_object(found.get("input")) or {},
            started_at=found["startDate"].astimezone(UTC),
            ended_at=found["stopDate"].astimezone(UTC) if "stopDate" in found else None,
            summary=_object(found.get("output")) if found["status"] == "SUCCEEDED" else None,
            error=": ".join(part for part in (found.get("error"), found.get("cause")) if part)[:_ERROR_CHARACTERS],
        )

    def _described(self, name: str) -> DescribeExecutionOutputTypeDef | None:
        arn = self._arn.replace(":stateMachine:", ":execution:") + f":{name}"
        try:
            return self._client.describe_execution(executionArn=arn)
        except AWS_ERRORS as error:
            if _is(error, "ExecutionDoesNotExist"):
                return None
            what = f"describe {name}"
            raise translate(error, what, transient=ThrottledError, permanent=WorkflowRefusedError) from error


def _object(text: str | None) -> dict[str, Any] | None:
    """None for what is not a JSON object: anyone with the permission may start an execution, with any input."""
    try:
        found = parse_json(text or "null")
    except InvalidJsonError:
        return None
    return found if isinstance(found, dict) else None


def _is(error: Exception, code: str) -> bool:
    return isinstance(error, ClientError) and error_code(error) == code
