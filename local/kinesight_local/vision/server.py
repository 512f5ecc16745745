"""All services on one port."""

import json
import uuid
from collections import Counter
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kinesight_local.kvs.http.threaded_server import ThreadedServer
from kinesight_local.vision import bedrock, http_model, sagemaker
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.rekognition import Rekognition


class VisionServer(ThreadedServer):
    """`calls` counts calls by operation."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        super().__init__(application(self.calls), host, port)


def application(calls: Counter[str]) -> Starlette:
    """The ASGI application, which counts in `calls`."""
    return Starlette(routes=[_rekognition(calls), *_sagemaker(calls), *_bedrock(calls), *_other(calls)])


def _rekognition(calls: Counter[str]) -> Route:
    service = Rekognition()

    async def rekognition(request: Request) -> Response:
        target, _, operation = request.headers.get("x-amz-target", "").rpartition(".")
        calls[operation] += 1
        try:
            parameters = _parameters(await request.body())
            if (target, operation) == ("SageMaker", "DescribeEndpoint"):
                response = sagemaker.describe(parameters.get("EndpointName"))
            else:
                response = await run_in_threadpool(service.call, operation, parameters)
        except VisionError as error:
            return _error_response(error, "application/x-amz-json-1.1")
        return JSONResponse(response, headers=_headers(), media_type="application/x-amz-json-1.1")

    return Route("/", rekognition, methods=["POST"])


def _sagemaker(calls: Counter[str]) -> list[Route]:
    async def invoke_endpoint(request: Request) -> Response:
        calls["InvokeEndpoint"] += 1
        headers = request.headers
        name, accept = request.path_params["name"], headers.get("accept", "")
        try:
            response = await run_in_threadpool(
                sagemaker.invoke, name, await request.body(), headers.get("content-type", ""), accept
            )
        except VisionError as error:
            return _error_response(error, "application/json")
        return JSONResponse(response, headers=_headers() | {"x-Amzn-Invoked-Production-Variant": "local"})

    async def invoke_endpoint_async(request: Request) -> Response:
        calls["InvokeEndpointAsync"] += 1
        given = [
            request.headers.get(f"x-amzn-sagemaker-{one}", "") for one in ("inputlocation", "content-type", "accept")
        ]
        try:
            response = sagemaker.invoke_async(request.path_params["name"], *given)
        except VisionError as error:
            return _error_response(error, "application/json")
        inference = response.pop("X-Amzn-SageMaker-Inference-Id")
        return JSONResponse({"InferenceId": inference}, 202, headers=_headers() | response)

    return [
        Route("/endpoints/{name}/invocations", invoke_endpoint, methods=["POST"]),
        Route("/endpoints/{name}/async-invocations", invoke_endpoint_async, methods=["POST"]),
    ]


def _bedrock(calls: Counter[str]) -> list[Route]:
    async def converse(request: Request) -> Response:
        calls["Converse"] += 1
        try:
            response = await run_in_threadpool(bedrock.converse, _parameters(await request.body()))
        except VisionError as error:
            return _error_response(error, "application/json")
        return JSONResponse(response, headers=_headers())

    async def availability(request: Request) -> Response:
        return JSONResponse(bedrock.availability(request.path_params["model"]), headers=_headers())

    async def profile(request: Request) -> Response:
        return JSONResponse(bedrock.profile(request.path_params["name"]), headers=_headers())

    return [
        Route("/model/{model:path}/converse", converse, methods=["POST"]),
        Route("/foundation-model-availability/{model:path}", availability),
        Route("/inference-profiles/{name:path}", profile),
    ]


def _other(calls: Counter[str]) -> list[Route]:
    async def model(request: Request) -> Response:
        calls["HttpModel"] += 1
        content_type = request.headers.get("content-type", "")
        try:
            response = await run_in_threadpool(
                http_model.invoke, request.path_params["format"], await request.body(), content_type
            )
        except VisionError as error:
            return JSONResponse({"error": error.message}, error.status)
        return JSONResponse(response)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def counts(_: Request) -> Response:
        return JSONResponse(dict(calls))

    return [
        Route("/models/{format}", model, methods=["POST"]),
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


def _error_response(error: VisionError, media_type: str) -> Response:
    body: dict[str, Any] = {"__type": error.code, "Message": error.message, "message": error.message}
    if error.code == "ModelError":
        body |= {"OriginalStatusCode": 400, "OriginalMessage": error.message}
    return JSONResponse(body, error.status, _headers() | {"x-amzn-ErrorType": error.code}, media_type)


def _headers() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}
