"""Targets that messages are sent to again: queues, functions and the on-demand workflow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from botocore.config import Config
from botocore.exceptions import ClientError

from kinesight_cli.redrive import results_range
from kinesight_cli.redrive.actions import (
    Action,
    InvokeWithChange,
    InvokeWithRange,
    InvokeWithRecord,
    SendMessage,
    Skip,
    StartExecution,
)
from kinesight_cli.redrive.failed_executions import FailedExecutions
from kinesight_cli.redrive.results_range import RangeRecord
from kinesight_cli.shared import aws_session
from kinesight_cli.shared.dead_letter_routes import EXECUTIONS, DeadLetterRoute
from kinesight_cli.shared.dead_letters import DeadLetter, DeadLetterQueue, DeadLetterSource
from kinesight_cli.shared.stack_lookup import Resources

# An invocation takes up to 300 s, the slowest function's timeout; botocore must not repeat it meanwhile.
_INVOCATION_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=330)


class RedriveTargets(Protocol):
    """Sources and targets of a stack."""

    def source(self, route: DeadLetterRoute) -> DeadLetterSource:
        """Returns where the messages of the route are read."""

    def send(self, route: DeadLetterRoute, message: DeadLetter, action: Action) -> str | None:
        """Returns None, or why the message was not sent. Raises botocore's errors and InvocationError."""


class AwsRedriveTargets:
    """RedriveTargets of a deployed stack."""

    def __init__(self, stack: Resources) -> None:
        self._stack = stack
        self._sqs: Any = aws_session.client("sqs")
        self._kinesis: Any = aws_session.client("kinesis")
        self._lambda: Any = aws_session.client("lambda", _INVOCATION_CONFIG)
        self._workflow: Any = aws_session.client("stepfunctions")

    def source(self, route: DeadLetterRoute) -> DeadLetterSource:
        """Returns the queue, or the failed executions of the workflow."""
        if route is EXECUTIONS:
            return FailedExecutions(self._workflow, self._stack.ids[route.source])
        return DeadLetterQueue(self._sqs, self._url(route.source))

    def send(self, route: DeadLetterRoute, message: DeadLetter, action: Action) -> str | None:
        """Makes one call, or as many as a range of records needs."""
        match action:
            case Skip(why):
                return why
            case SendMessage(body):
                self._sqs.send_message(QueueUrl=self._url(route.target), MessageBody=body)
            case InvokeWithRecord(data):
                self._invoke(route, [RangeRecord.alone(message.message_id, data)])
            case InvokeWithChange(document):
                results_range.invoke_with(self._lambda, self._function(route.target), document)
            case InvokeWithRange():
                return self._send_range(route, action)
            case StartExecution(name, document):
                self._start(self._stack.ids[route.target], name, document)
        return None

    def _send_range(self, route: DeadLetterRoute, action: InvokeWithRange) -> str | None:
        stream = self._stack.ids["ResultsStream"].rpartition("/")[2]
        found = list(results_range.read(self._kinesis, stream, action.shard_id, action.first, action.last))
        self._invoke(route, found)
        if len(found) < action.records:
            return (
                f"only {len(found)} of its {action.records} records were sent: the results stream no longer has the "
                "others (ResultsRetentionHours)"
            )
        return None

    def _invoke(self, route: DeadLetterRoute, records: Sequence[RangeRecord]) -> None:
        results_range.invoke(self._lambda, self._function(route.target), records)

    def _function(self, logical_id: str) -> str:
        """A consumer of the user's may be outside the stack, so its event source names it."""
        if self._stack.types[logical_id] == "AWS::Lambda::EventSourceMapping":
            mapping = self._lambda.get_event_source_mapping(UUID=self._stack.ids[logical_id])
            return str(mapping["FunctionArn"])
        return self._stack.function(logical_id)

    def _start(self, machine: str, name: str, document: dict[str, Any]) -> None:
        try:
            self._workflow.start_execution(stateMachineArn=machine, name=name, input=json.dumps(document))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ExecutionAlreadyExists":
                raise

    def _url(self, logical_id: str) -> str:
        name = self._stack.ids[logical_id].rpartition("/")[2]
        return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])
