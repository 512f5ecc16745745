"""The emulator on a port: JSON operations and admin API on Starlette, PutMedia on bare ASGI."""

import asyncio
import json
import logging
import signal
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kinesight_local.kvs.aws_models import Route as Service
from kinesight_local.kvs.aws_models import routes
from kinesight_local.kvs.exceptions import (
    ClientLimitExceededError,
    ConnectionLimitExceededError,
    InjectedError,
    InvalidArgumentError,
    KvsError,
    UnknownOperationError,
)
from kinesight_local.kvs.faults import Cut, Fail, Fault, Faults, OnResponse, Slow, Throttle
from kinesight_local.kvs.http.admin_routes import admin_routes
from kinesight_local.kvs.http.error_responses import error_response, request_id
from kinesight_local.kvs.http.fault_responses import Responder, cut, cut_receiving, paced, paced_receiving, slowed
from kinesight_local.kvs.http.hls_routes import hls_routes
from kinesight_local.kvs.http.put_media import PutMedia, epoch_ms, stream_key
from kinesight_local.kvs.http.request_check import RequestCheck
from kinesight_local.kvs.http.threaded_server import ThreadedServer
from kinesight_local.kvs.media.ingest import Ingest
from kinesight_local.kvs.operations.body import Body
from kinesight_local.kvs.operations.control import key_of, stream_name_of
from kinesight_local.kvs.operations.hls import FOLDER
from kinesight_local.kvs.quotas import Limits
from kinesight_local.kvs.service import KvsService
from kinesight_local.kvs.timing import Timing
from kinesight_local.kvs.undocumented import Undocumented

log = logging.getLogger(__name__)


class KvsServer(ThreadedServer):
    """The emulator in a thread of this process. All state is in `data_dir` and survives a restart."""

    def __init__(
        self,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        public_url: str | None = None,
        limits: Limits | None = None,
        faults: Faults | None = None,
        timing: Timing | None = None,
        undocumented: Undocumented | None = None,
        allowed_hosts: Collection[str] = (),
    ) -> None:
        """`public_url`: the response of GetDataEndpoint, if clients reach this server by another address.

        `allowed_hosts`: names by which clients reach this server, besides those of this machine and of `public_url`.
        `limits`: the quotas to enforce, none by default. `faults`: initial fault rules; `service.faults` changes them.
        Raises UnreadableStateError.
        """
        self._application = _Deferred()
        super().__init__(self._application, host, port)
        self.check = RequestCheck([host, urlsplit(public_url or "").hostname or "", *allowed_hosts])
        self.is_public = _is_playback
        url = public_url or self.url.replace("//0.0.0.0:", "//127.0.0.1:")
        self.service = KvsService(
            data_dir,
            region=region,
            account_id=account_id,
            url=url,
            limits=limits,
            faults=faults,
            timing=timing,
            undocumented=undocumented,
        )
        self._application.target = application(self.service)

    def start(self) -> None:
        self.service.sweep()
        self.service.delivery.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.service.delivery.stop()
        self.service.close()


def serve(data_dir: Path, host: str, port: int, region: str, account_id: str) -> None:
    """Runs the emulator until SIGINT or SIGTERM. Must be called in the main thread."""
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


def _is_playback(scope: Mapping[str, Any]) -> bool:
    """Players in pages of any site read HLS, whose URLs hold a token."""
    return scope["method"] in ("GET", "HEAD", "OPTIONS") and scope["path"].startswith(f"{FOLDER}/")


class _Deferred:
    """The application needs the server's URL, which is known only after the server has bound its socket."""

    def __init__(self) -> None:
        self.target: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.target(scope, receive, send)


def application(service: KvsService) -> Responder:
    """The ASGI application."""

    async def operation(request: Request) -> Responder:
        return await _operation(service, request)

    starlette = Starlette(
        routes=[
            *admin_routes(service),
            *hls_routes(service.hls, service.quotas),
            Route("/{path:path}", operation, methods=["POST"]),
        ],
        exception_handlers={KvsError: _error, HTTPException: _not_found, Exception: _internal_error},
    )

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        is_media = (scope.get("method"), scope.get("path")) == ("POST", "/putMedia")
        if is_media:
            await _put_media(service, scope, receive, send)
        else:
            await starlette(scope, receive, send)

    return choose


async def _put_media(service: KvsService, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    try:
        ingest = Ingest(epoch_ms(request.headers))
        key = stream_key(request.headers)
        fault = service.faults.draw(OnResponse, "PutMedia", key.stream_name)
        _raise_injected(fault)
        stream = await run_in_threadpool(service.streams.get, key)
        service.quotas.charge_call("PutMedia", stream.arn)
        service.quotas.connect("PutMedia", stream.arn)
    except KvsError as error:
        await error_response(error)(scope, receive, send)
        return
    try:
        if isinstance(fault, Slow):
            await asyncio.sleep(fault.delay_ms / 1000)  # the injected fault
        body = cut_receiving(receive, fault.after_bytes) if isinstance(fault, Cut) else receive
        if service.quotas.limits is not None:
            body = paced_receiving(body, service.quotas.limits.put_media_bytes_per_s)
        connection = PutMedia(service, send, stream, ingest)
        await connection.run(body, request_id(), sends_end=not isinstance(fault, Cut))
    finally:
        service.quotas.disconnect("PutMedia", stream.arn)


async def _operation(service: KvsService, request: Request) -> Responder:
    route = routes().get(request.url.path)
    if route is None:
        _no_operation(request)
    parameters = _parameters(await request.body())
    fault = service.faults.draw(OnResponse, route.operation, stream_name_of(parameters))
    _raise_injected(fault)
    result = await run_in_threadpool(service.call, route, parameters)
    response = _streamed(service, route, parameters, result) if isinstance(result, Body) else _json(result)
    match fault:
        case Slow():
            return slowed(response, fault)
        case Cut():
            return cut(response, fault)
    return response


def _raise_injected(fault: Fault | None) -> None:
    match fault:
        case Throttle():
            raise ClientLimitExceededError("A fault rule throttled this call.")
        case Fail():
            raise InjectedError(fault.code, fault.status)


def _json(result: dict[str, Any]) -> Responder:
    return JSONResponse(result, headers=request_id())


def _streamed(service: KvsService, route: Service, parameters: dict[str, Any], body: Body) -> Responder:
    """Counts as one of the stream's connections while it is sent."""
    response = StreamingResponse(body.chunks, media_type=body.content_type, headers=request_id())

    async def connected(scope: Scope, receive: Receive, send: Send) -> None:
        arn = service.streams.get(key_of(parameters)).arn
        limits = service.quotas.limits
        try:
            with service.quotas.connection(route.operation, arn):
                await response(scope, receive, paced(send, limits.media_bytes_per_s) if limits else send)
        except (ConnectionLimitExceededError, ClientLimitExceededError) as error:
            await error_response(error)(scope, receive, send)

    return connected


def _parameters(body: bytes) -> dict[str, Any]:
    """Ignores the content type: the producer SDKs send JSON as a form."""
    try:
        parameters = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"The body is not JSON: {error}") from error
    if not isinstance(parameters, dict):
        raise InvalidArgumentError("The body is not a JSON object.")
    return parameters


def _no_operation(request: Request) -> NoReturn:
    raise UnknownOperationError(f"{request.method} {request.url.path} is not an operation of Kinesis Video Streams.")


async def _error(_: Request, error: Exception) -> Response:
    return error_response(error if isinstance(error, KvsError) else KvsError(str(error)))


async def _not_found(request: Request, _: Exception) -> Response:
    return error_response(
        UnknownOperationError(f"{request.method} {request.url.path} is not an operation of this service.")
    )


async def _internal_error(_: Request, error: Exception) -> Response:
    """Starlette raises the error again after the response, and uvicorn logs it."""
    return error_response(KvsError(f"The emulator failed with {type(error).__name__}; its log has the details."))
