"""HTTP for both services on one port."""

import json
import uuid
from collections import Counter
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kinesight_local.http_server import ThreadedServer
from kinesight_local.vision import sagemaker
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.rekognition import Rekognition


class VisionServer(ThreadedServer):
    """`calls` counts the answered calls by operation."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        super().__init__(application(self.calls), host, port)


def application(calls: Counter[str]) -> Starlette:
    """The ASGI application; it adds to `calls`."""
    service = Rekognition()

    async def rekognition(request: Request) -> Response:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        calls[operation] += 1
        try:
            parameters = _parameters(await request.body())
            answer = await run_in_threadpool(service.call, operation, parameters)
        except VisionError as error:
            return _refused(error, "application/x-amz-json-1.1")
        return JSONResponse(answer, headers=_headers(), media_type="application/x-amz-json-1.1")

    async def invoke_endpoint(request: Request) -> Response:
        calls["InvokeEndpoint"] += 1
        headers = request.headers
        try:
            answer = await run_in_threadpool(
                sagemaker.invoke, await request.body(), headers.get("content-type", ""), headers.get("accept", "")
            )
        except VisionError as error:
            return _refused(error, "application/json")
        return JSONResponse(answer, headers=_headers() | {"x-Amzn-Invoked-Production-Variant": "local"})

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def counts(_: Request) -> Response:
        return JSONResponse(dict(calls))

    return Starlette(
        routes=[
            Route("/", rekognition, methods=["POST"]),
            Route("/endpoints/{name}/invocations", invoke_endpoint, methods=["POST"]),
            Route("/_kinesight/health", health),
            Route("/_kinesight/calls", counts),
        ]
    )


def _parameters(body: bytes) -> dict[str, Any]:
    try:
        parameters = json.loads(body or b"{}")
    except ValueError as error:
        raise VisionError("SerializationException", str(error)) from error
    if not isinstance(parameters, dict):
        raise VisionError("SerializationException", "The body is not a JSON object.")
    return parameters


def _refused(error: VisionError, media_type: str) -> Response:
    body: dict[str, Any] = {"__type": error.code, "Message": error.message, "message": error.message}
    if error.code == "ModelError":
        body |= {"OriginalStatusCode": 400, "OriginalMessage": error.message}
    return JSONResponse(body, error.status, _headers() | {"x-amzn-ErrorType": error.code}, media_type)


def _headers() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}
