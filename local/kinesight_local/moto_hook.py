"""What is changed in moto while the local cloud runs.

Every way in which moto invokes a function (the API, custom resources, SNS, Step Functions) leads to our processes. moto
runs functions in containers; `LambdaFunction._invoke_lambda` is where it starts one. That name is private, so it is
touched here alone, and a test fails loudly when it moves.
"""

import json
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

from moto import backends, settings
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend
from moto.kinesis.models import kinesis_backends
from moto.server import ThreadedMotoServer
from moto.sqs.models import sqs_backends

from kinesight_local.calls import CallCounter, counted
from kinesight_local.lambdas import Answer
from kinesight_local.signed_links import checked


def count_calls(server: ThreadedMotoServer, counter: CallCounter) -> None:
    """Counts what a server answers that was started."""
    running = server._server
    if running is None:
        raise RuntimeError("moto's server was not started")
    running.app = counted(running.app, counter)


def check_links(server: ThreadedMotoServer, secrets: Mapping[str, str]) -> None:
    """Has a server that was started open signed links for as long as they say, and for what they were made."""
    running = server._server
    if running is None:
        raise RuntimeError("moto's server was not started")
    running.app = checked(running.app, secrets)


Invoke = Callable[[LambdaFunction, Any], Answer]


def route_invocations(invoke: Invoke) -> Callable[[], None]:
    """Installs the hook; call the result to take it out again."""
    original = LambdaFunction._invoke_lambda

    def replacement(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
        document = json.loads(event) if isinstance(event, str | bytes) else event
        answer = invoke(function, document)
        return answer.payload.decode(), answer.failed, ""

    original_modules, modules = backends.list_of_moto_modules, tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules  # else every request reads the folder, a fifth of its time
    original_host = settings.moto_server_host
    settings.moto_server_host = lambda: "http://127.0.0.1"  # type: ignore[assignment]  # else it asks Docker
    LambdaFunction._invoke_lambda = replacement  # type: ignore[assignment, method-assign]  # that is the purpose of this module

    original_call = LambdaFunction.invoke

    def call(function: LambdaFunction, body: str, headers: Any, response_headers: Any) -> str | bytes:
        """moto waits for the end of asynchronous invocations too."""
        if headers.get("x-amz-invocation-type") != "Event":
            return original_call(function, body, headers, response_headers)
        Thread(target=original_call, args=(function, body, headers, {}), daemon=True).start()
        return ""

    LambdaFunction.invoke = call  # type: ignore[assignment, method-assign]  # that is the purpose of this module

    def restore() -> None:
        LambdaFunction.invoke = original_call  # type: ignore[method-assign]  # that is the purpose of this module
        backends.list_of_moto_modules = original_modules
        settings.moto_server_host = original_host
        LambdaFunction._invoke_lambda = original  # type: ignore[method-assign]  # that is the purpose of this module

    return restore


def known_mapping(client: Any, source_arn: str, function_arn: str) -> Callable[[], bool]:
    """Makes an event source mapping known to moto's Lambda, where it can be looked at and switched off and on.

    The result tells whether it is on: enabled, and its function's reserved concurrency not 0. moto would deliver by it,
    too, so queues and streams are made to forget it. Raises botocore's errors.
    """
    kind, region, account = source_arn.split(":")[2:5]
    made = client.create_event_source_mapping(EventSourceArn=source_arn, FunctionName=function_arn)
    sources: Any = sqs_backends[account][region].queues if kind == "sqs" else kinesis_backends[account][region].streams
    for source in sources.values():
        source.lambda_event_source_mappings.clear()
    backend = get_backend(account, region)
    function = backend.get_function(function_arn)
    mapping = backend.get_event_source_mapping(made["UUID"])

    def is_on() -> bool:
        return mapping is not None and bool(mapping.enabled) and function.reserved_concurrency != 0

    return is_on
