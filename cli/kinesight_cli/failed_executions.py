"""Failed executions of the on-demand workflow, as dead letters: they lie in its history for 90 days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kinesight_cli.dead_letter_places import redriven_name
from kinesight_cli.dead_letters import Letter

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef


class FailedExecutions:
    """A LetterBox of executions that failed or timed out and were not started again by `kinesight redrive`. Those that
    somebody stopped were stopped on purpose.

    A letter's receipt is the execution's name, its body the input. Nothing is held back or deleted: what was started
    again is known by the name of the new execution.
    """

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def collect(self, most: int) -> list[Letter]:
        """The newest first."""
        return list(islice(self._waiting(), most))

    def delete(self, letter: Letter) -> None:
        """Nothing to do."""

    def release(self, letters: Iterable[Letter]) -> None:
        """Nothing to do."""

    def _waiting(self) -> Iterator[Letter]:
        pages = self._client.get_paginator("list_executions")
        for status in ("FAILED", "TIMED_OUT"):
            for page in pages.paginate(stateMachineArn=self._arn, statusFilter=status):
                for one in page["executions"]:
                    if self._described(self._arn_of(redriven_name(one["executionArn"]))) is None:
                        yield self._letter(one["executionArn"])

    def _arn_of(self, name: str) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"

    def _letter(self, arn: str) -> Letter:
        found = self._client.describe_execution(executionArn=arn)
        return Letter(
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
