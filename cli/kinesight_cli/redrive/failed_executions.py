"""Failed executions of the on-demand workflow, as a source of dead letters. Step Functions keeps them for 90 days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kinesight_cli.redrive.actions import redriven_name
from kinesight_cli.shared.dead_letters import DeadLetter

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef


class FailedExecutions:
    """A DeadLetterSource of executions that failed or timed out and that `kinesight redrive` has not started again.

    Executions that a user stopped are left out. The receipt is the name of the execution, the body its input.
    Nothing is reserved or deleted: the name of the new execution shows which ones were started again.
    """

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def collect(self, most: int) -> list[DeadLetter]:
        """Returns the newest executions first."""
        return list(islice(self._failed(), most))

    def delete(self, message: DeadLetter) -> None:
        """Does nothing."""

    def release(self, messages: Iterable[DeadLetter]) -> None:
        """Does nothing."""

    def _failed(self) -> Iterator[DeadLetter]:
        pages = self._client.get_paginator("list_executions")
        for status in ("FAILED", "TIMED_OUT"):
            for page in pages.paginate(stateMachineArn=self._arn, statusFilter=status):
                for one in page["executions"]:
                    if self._described(self._arn_of(redriven_name(one["executionArn"]))) is None:
                        yield self._dead_letter(one["executionArn"])

    def _arn_of(self, name: str) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"

    def _dead_letter(self, arn: str) -> DeadLetter:
        found = self._client.describe_execution(executionArn=arn)
        return DeadLetter(
            message_id=arn,
            receipt=found["name"],
            body=found.get("input", ""),
            reason=found.get("error", found["status"]),
            explanation=found.get("cause", ""),
            source=found["name"],
        )

    def _described(self, arn: str) -> DescribeExecutionOutputTypeDef | None:
        try:
            return self._client.describe_execution(executionArn=arn)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ExecutionDoesNotExist":
                return None
            raise
