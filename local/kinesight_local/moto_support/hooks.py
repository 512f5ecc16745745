"""Hooks in moto: functions run in our processes, calls are counted, signed links are checked.

All invocations (API, custom resources, SNS, Step Functions) pass through `LambdaFunction._invoke_lambda`, where moto
starts a container. That name is private, so it is used only here, and a test fails if it moves.
"""

import json
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

from moto import backends, settings
from moto.awslambda.models import LambdaFunction
from moto.server import ThreadedMotoServer

from kinesight_local.calls import CallCounter, counted
from kinesight_local.lambdas import InvocationResult
from kinesight_local.moto_support.request_check import refusing_pages
from kinesight_local.moto_support.signed_links import checked


def count_calls(server: ThreadedMotoServer, counter: CallCounter) -> None:
    """Counts the calls to a started server."""
    running = server._server
    if running is None:
        raise RuntimeError("moto's server is not started")
    running.app = counted(running.app, counter)


def check_links(server: ThreadedMotoServer, secrets: Mapping[str, str]) -> None:
    """Makes a started server check signed links: their signature, object and expiry."""
    running = server._server
    if running is None:
        raise RuntimeError("moto's server is not started")
    running.app = checked(running.app, secrets)


def refuse_pages(server: ThreadedMotoServer) -> None:
    """Makes a started server refuse requests of web pages."""
    running = server._server
    if running is None:
        raise RuntimeError("moto's server is not started")
    running.app = refusing_pages(running.app)


Invoke = Callable[[LambdaFunction, Any], InvocationResult]


def route_invocations(invoke: Invoke) -> Callable[[], None]:
    """Makes `invoke` run all functions. Call the result to end that.

    Afterwards, all invocations fail: an execution may outlive its stack, and moto would start containers for it."""

    def replacement(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
        document = json.loads(event) if isinstance(event, str | bytes) else event
        result = invoke(function, document)
        return result.payload.decode(), result.failed, ""

    original_modules, modules = backends.list_of_moto_modules, tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules  # otherwise every request lists the folder, a fifth of its time
    settings.moto_server_host = lambda: "http://127.0.0.1"  # type: ignore[assignment]  # otherwise it queries Docker
    LambdaFunction._invoke_lambda = replacement  # type: ignore[assignment, method-assign]  # the purpose of this module

    original_call = LambdaFunction.invoke

    def call(function: LambdaFunction, body: str, headers: Any, response_headers: Any) -> str | bytes:
        """Runs asynchronous invocations in a thread, because moto waits for their end."""
        if headers.get("x-amz-invocation-type") != "Event":
            return original_call(function, body, headers, response_headers)
        Thread(target=original_call, args=(function, body, headers, {}), daemon=True).start()
        return ""

    LambdaFunction.invoke = call  # type: ignore[assignment, method-assign]  # the purpose of this module

    def restore() -> None:
        LambdaFunction.invoke = original_call  # type: ignore[method-assign]  # the purpose of this module
        backends.list_of_moto_modules = original_modules
        LambdaFunction._invoke_lambda = _refuse  # type: ignore[assignment, method-assign]  # the purpose of this module

    return restore


def _refuse(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:  # noqa: ARG001 - as moto calls it
    message = f"The stack of function {function.function_name} is not running."
    return json.dumps({"errorType": "StackNotRunning", "errorMessage": message}), True, ""
