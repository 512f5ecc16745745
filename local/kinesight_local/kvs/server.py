"""HTTP: JSON operations through Starlette, PutMedia on bare ASGI, and what the emulator tells about itself."""

import json
import logging
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kinesight_local.http_server import ThreadedServer
from kinesight_local.kvs.exceptions import InvalidArgumentError, KvsError, UnknownOperationError
from kinesight_local.kvs.ingest import Ingest
from kinesight_local.kvs.put_media import IDLE_S, PutMedia, epoch_ms, named_stream
from kinesight_local.kvs.service import KvsService
from kinesight_local.kvs.urls import routes

log = logging.getLogger(__name__)

_MEDIA_TYPE = "video/x-matroska"  # the service's own is not documented


class KvsServer(ThreadedServer):
    """The emulator on a port of its own, in a thread. All state lies in `data_dir` and survives a restart."""

    def __init__(
        self,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        public_url: str | None = None,
        idle_s: float = IDLE_S,
    ) -> None:
        """`public_url`: what GetDataEndpoint answers, where clients reach this server by another address.

        `idle_s`: how long a silent PutMedia connection waits for each of its three IDLE acknowledgements.
        """
        self._application = _Deferred()
        super().__init__(self._application, host, port)
        url = public_url or self.url.replace("//0.0.0.0:", "//127.0.0.1:")
        self.service = KvsService(data_dir, region=region, account_id=account_id, url=url)
        self._application.target = application(self.service, idle_s=idle_s)

    def start(self) -> None:
        self.service.sweep()
        self.service.delivery.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.service.delivery.stop()
        self.service.close()


def serve(data_dir: Path, host: str, port: int, region: str, account_id: str) -> None:
    """Runs the emulator until SIGINT or SIGTERM; call it in the main thread."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        with KvsServer(data_dir, host, port, region=region, account_id=account_id) as server:
            log.info("Kinesis Video Streams emulator at %s, state in %s", server.url, data_dir)
            stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Deferred:
    """The application needs the address, and the address is known once the server has its socket."""

    def __init__(self) -> None:
        self.target: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.target(scope, receive, send)


def application(service: KvsService, *, idle_s: float = IDLE_S) -> Any:
    """The ASGI application."""

    async def operation(request: Request) -> Response:
        return await _operation(service, request)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def statistics(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(service.statistics, request.path_params["name"]))

    async def put_media(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            ingest = Ingest(epoch_ms(request.headers))
            stream = await run_in_threadpool(service.streams.get, named_stream(request.headers))
        except KvsError as error:
            await _refusal(error)(scope, receive, send)
            return
        await PutMedia(service, send, stream.arn, ingest).run(receive, _request_id(), idle_s)

    starlette = Starlette(
        routes=[
            Route("/_kinesight/health", health),
            Route("/_kinesight/streams/{name}", statistics),
            Route("/{path:path}", operation, methods=["POST"]),
        ],
        exception_handlers={KvsError: _refused, HTTPException: _unknown, Exception: _broken},
    )

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        is_media = (scope.get("method"), scope.get("path")) == ("POST", "/putMedia")
        await (put_media if is_media else starlette)(scope, receive, send)

    return choose


async def _operation(service: KvsService, request: Request) -> Response:
    route = routes().get(request.url.path)
    if route is None:
        _no_operation(request)
    answer = await run_in_threadpool(service.call, route, _parameters(await request.body()))
    if isinstance(answer, Iterator):
        return StreamingResponse(answer, media_type=_MEDIA_TYPE, headers=_request_id())
    return JSONResponse(answer, headers=_request_id())


def _parameters(body: bytes) -> dict[str, Any]:
    """The producer SDKs send JSON under a form's content type, so the type is not looked at."""
    try:
        parameters = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"The body is not JSON: {error}") from error
    if not isinstance(parameters, dict):
        raise InvalidArgumentError("The body is not a JSON object.")
    return parameters


def _no_operation(request: Request) -> NoReturn:
    raise UnknownOperationError(f"{request.method} {request.url.path} is no operation of Kinesis Video Streams.")


def _refusal(error: KvsError) -> JSONResponse:
    """AWS documents the second of the two headers; botocore reads the first."""
    headers = _request_id() | {"x-amzn-ErrorType": error.code, "x-amz-ErrorType": error.code}
    return JSONResponse({"Message": error.message}, error.status, headers)


async def _refused(_: Request, error: Exception) -> Response:
    return _refusal(error if isinstance(error, KvsError) else KvsError(str(error)))


async def _unknown(request: Request, _: Exception) -> Response:
    return _refusal(UnknownOperationError(f"{request.method} {request.url.path} is no operation of this service."))


async def _broken(_: Request, error: Exception) -> Response:
    """Starlette raises the error again once this is sent, and uvicorn logs it."""
    return _refusal(KvsError(f"The emulator failed: {type(error).__name__}. Its log says more."))


def _request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}
