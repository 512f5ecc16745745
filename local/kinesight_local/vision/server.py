"""HTTP for every service on one port."""

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
from kinesight_local.vision import bedrock, http_model, sagemaker
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.rekognition import Rekognition


class VisionServer(ThreadedServer):
    """`calls` counts the answered calls by operation."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        super().__init__(application(self.calls), host, port)


def application(calls: Counter[str]) -> Starlette:
    """The ASGI application; it adds to `calls`."""
    return Starlette(routes=[_rekognition(calls), *_sagemaker(calls), *_bedrock(calls), *_own(calls)])


def _rekognition(calls: Counter[str]) -> Route:
    service = Rekognition()

    async def rekognition(request: Request) -> Response:
        target, _, operation = request.headers.get("x-amz-target", "").rpartition(".")
        calls[operation] += 1
        try:
            parameters = _parameters(await request.body())
            if (target, operation) == ("SageMaker", "DescribeEndpoint"):
                answer = sagemaker.describe(parameters.get("EndpointName"))
            else:
                answer = await run_in_threadpool(service.call, operation, parameters)
        except VisionError as error:
            return _refused(error, "application/x-amz-json-1.1")
        return JSONResponse(answer, headers=_headers(), media_type="application/x-amz-json-1.1")

    return Route("/", rekognition, methods=["POST"])


def _sagemaker(calls: Counter[str]) -> list[Route]:
    async def invoke_endpoint(request: Request) -> Response:
        calls["InvokeEndpoint"] += 1
        headers = request.headers
        name, accept = request.path_params["name"], headers.get("accept", "")
        try:
            answer = await run_in_threadpool(
                sagemaker.invoke, name, await request.body(), headers.get("content-type", ""), accept
            )
        except VisionError as error:
            return _refused(error, "application/json")
        return JSONResponse(answer, headers=_headers() | {"x-Amzn-Invoked-Production-Variant": "local"})

    async def invoke_endpoint_async(request: Request) -> Response:
        calls["InvokeEndpointAsync"] += 1
        given = [
            request.headers.get(f"x-amzn-sagemaker-{one}", "") for one in ("inputlocation", "content-type", "accept")
        ]
        try:
            answer = sagemaker.invoke_async(request.path_params["name"], *given)
        except VisionError as error:
            return _refused(error, "application/json")
        inference = answer.pop("X-Amzn-SageMaker-Inference-Id")
        return JSONResponse({"InferenceId": inference}, 202, headers=_headers() | answer)

    return [
        Route("/endpoints/{name}/invocations", invoke_endpoint, methods=["POST"]),
        Route("/endpoints/{name}/async-invocations", invoke_endpoint_async, methods=["POST"]),
    ]


def _bedrock(calls: Counter[str]) -> list[Route]:
    async def converse(request: Request) -> Response:
        calls["Converse"] += 1
        try:
            answer = await run_in_threadpool(bedrock.converse, _parameters(await request.body()))
        except VisionError as error:
            return _refused(error, "application/json")
        return JSONResponse(answer, headers=_headers())

    async def availability(request: Request) -> Response:
        return JSONResponse(bedrock.availability(request.path_params["model"]), headers=_headers())

    async def profile(request: Request) -> Response:
        return JSONResponse(bedrock.profile(request.path_params["name"]), headers=_headers())

    return [
        Route("/model/{model:path}/converse", converse, methods=["POST"]),
        Route("/foundation-model-availability/{model:path}", availability),
        Route("/inference-profiles/{name:path}", profile),
    ]


def _own(calls: Counter[str]) -> list[Route]:
    async def model(request: Request) -> Response:
        calls["HttpModel"] += 1
        content_type = request.headers.get("content-type", "")
        try:
            answer = await run_in_threadpool(
                http_model.ask, request.path_params["form"], await request.body(), content_type
            )
        except VisionError as error:
            return JSONResponse({"error": error.message}, error.status)
        return JSONResponse(answer)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def counts(_: Request) -> Response:
        return JSONResponse(dict(calls))

    return [
        Route("/models/{form}", model, methods=["POST"]),
        Route("/_kinesight/health", health),
        Route("/_kinesight/calls", counts),
    ]


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
