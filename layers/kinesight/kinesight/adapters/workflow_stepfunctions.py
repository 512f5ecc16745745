"""AnalysisWorkflow on Step Functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import ThrottledError, WorkflowRefusedError
from kinesight.domain.on_demand.executions import RUNNING, RunDetails
from kinesight.domain.on_demand.ports import RunStatus

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef
_MOST_CHARACTERS = 1000


class StepFunctionsWorkflow:
    """One state machine."""

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        """StartExecution. The same name and input of one that still runs is answered as if it had just begun."""
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(document))
        except AWS_ERRORS as error:
            if _is(error, "ExecutionAlreadyExists"):
                return False
            raise translate(error, f"start {name}", passing=ThrottledError, lasting=WorkflowRefusedError) from error
        return True

    def status(self, name: str) -> RunStatus | None:
        """DescribeExecution; timed out and stopped ones count as failed, one to be redriven as running."""
        told = self._described(name)
        if told is None:
            return None
        if told["status"] in RUNNING:
            return RunStatus.RUNNING
        return RunStatus.SUCCEEDED if told["status"] == "SUCCEEDED" else RunStatus.FAILED

    def describe(self, name: str) -> RunDetails | None:
        """DescribeExecution; a cause that is longer than a sentence is cut off."""
        told = self._described(name)
        if told is None:
            return None
        return RunDetails(
            status=told["status"],
            document=json.loads(told.get("input") or "{}"),
            started_at=told["startDate"].astimezone(UTC),
            ended_at=told["stopDate"].astimezone(UTC) if "stopDate" in told else None,
            summary=json.loads(told["output"]) if told["status"] == "SUCCEEDED" and told.get("output") else None,
            error=": ".join(part for part in (told.get("error"), told.get("cause")) if part)[:_MOST_CHARACTERS],
        )

    def _described(self, name: str) -> DescribeExecutionOutputTypeDef | None:
        arn = self._arn.replace(":stateMachine:", ":execution:") + f":{name}"
        try:
            return self._client.describe_execution(executionArn=arn)
        except AWS_ERRORS as error:
            if _is(error, "ExecutionDoesNotExist"):
                return None
            what = f"describe {name}"
            raise translate(error, what, passing=ThrottledError, lasting=WorkflowRefusedError) from error


def _is(error: Exception, code: str) -> bool:
    return isinstance(error, ClientError) and error_code(error) == code
