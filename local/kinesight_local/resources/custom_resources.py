"""Custom::* resources: moto calls their functions on creation, the stack calls them before it is deleted."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kinesight_local.lambdas import InvocationResult
from kinesight_local.resources.response_receiver import ResponseReceiver
from kinesight_local.template import Document

_TIMEOUT_S = 120.0


class DeploymentFailedError(Exception):
    """The stack could not be created or deleted; the message names the resource and the reason."""


@dataclass(frozen=True, slots=True)
class _Request[Function]:
    """The creation of one custom resource, as its deletion has to repeat it."""

    function: Function
    event: Document


class CustomResources[Function]:
    """The custom resources of one stack. `Function` is what `invoke` takes."""

    def __init__(self, invoke: Callable[[Function, Any], InvocationResult]) -> None:
        """`invoke` runs a function."""
        self._invoke = invoke
        self._created: list[_Request[Function]] = []
        self._receiver = ResponseReceiver()

    def start(self) -> None:
        """Starts to accept responses."""
        self._receiver.start()

    def stop(self) -> None:
        """Accepts no more responses."""
        self._receiver.stop()

    def create(self, function: Function, event: Document, endpoint_url: str) -> InvocationResult:
        """Invokes a function for moto. Its ResponseURL points at a container's host, so the receiver stands in for it
        and forwards the response to moto at `endpoint_url`."""
        forward_url = f"{endpoint_url}/{event['ResponseURL'].split('/', 3)[3]}"
        event = event | {"ResponseURL": self._receiver.address(event["RequestId"], forward_to=forward_url)}
        self._created.append(_Request(function, event))
        result = self._invoke(function, event)
        if result.failed:
            response = {"Status": "FAILED", "Reason": result.payload.decode(errors="replace")}
            self._receiver.record(event["RequestId"], response)
        return result

    def wait_until_created(self, count: int) -> None:
        """Waits for the responses of all custom resources. Raises DeploymentFailedError, TimeoutError."""
        deadline_s = time.monotonic() + _TIMEOUT_S
        while len(self._created) < count:
            if time.monotonic() > deadline_s:
                raise DeploymentFailedError("moto did not call the functions of all custom resources")
            time.sleep(0.02)  # moto calls `create` from its own threads
        for request in self._created:
            self._check_response(request.event)

    def delete(self) -> None:
        """Invokes the functions with Delete requests. Raises DeploymentFailedError, TimeoutError."""
        for request in self._created:
            request_id = str(uuid.uuid4())
            event = request.event | {"RequestType": "Delete", "RequestId": request_id}
            event["ResponseURL"] = self._receiver.address(request_id)
            result = self._invoke(request.function, event)
            if result.failed:
                reason = result.payload.decode(errors="replace")
                raise DeploymentFailedError(f"{event['LogicalResourceId']}: {reason}")
            self._check_response(event)

    def _check_response(self, event: Document) -> None:
        response = self._receiver.wait(event["RequestId"], _TIMEOUT_S)
        if response.get("Status") != "SUCCESS":
            raise DeploymentFailedError(f"{event['LogicalResourceId']}: {response.get('Reason', 'failed')}")
