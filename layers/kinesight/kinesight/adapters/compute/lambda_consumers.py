"""ConsumerStarter on Lambda: an asynchronous invocation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.domain.errors import ThrottledError, WorkflowRefusedError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class LambdaConsumers:
    """One function."""

    def __init__(self, client: LambdaClient, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def start(self, slot: str, share: int) -> None:
        """Calls Invoke with type Event, which returns once Lambda has queued the invocation. Consumers of the version
        before read `share`; later ones read the assignment of their slot."""
        payload = json.dumps({"slot": slot, "share": share})
        try:
            self._client.invoke(FunctionName=self._function_name, InvocationType="Event", Payload=payload)
        except AWS_ERRORS as error:
            what = f"start consumer {slot}"
            raise translate(error, what, transient=ThrottledError, permanent=WorkflowRefusedError) from error
