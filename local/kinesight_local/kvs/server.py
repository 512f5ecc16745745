"""HTTP: JSON operations through Starlette, PutMedia on bare ASGI, and what the emulator tells about itself."""

import asyncio
import json
import logging
import signal
import threading
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
from kinesight_local.kvs.answering import Answer, cut, cut_receiving, paced, paced_receiving, slowed
from kinesight_local.kvs.body import Body
from kinesight_local.kvs.control import key_of, named
from kinesight_local.kvs.exceptions import (
    ClientLimitExceededError,
    ConnectionLimitExceededError,
    InjectedError,
    InvalidArgumentError,
    KvsError,
    UnknownOperationError,
)
from kinesight_local.kvs.faults import Cut, Fail, Fault, Faults, OnAnswer, Slow, Throttle
from kinesight_local.kvs.hls_http import hls_routes
from kinesight_local.kvs.ingest import Ingest
from kinesight_local.kvs.own_http import own_routes
from kinesight_local.kvs.put_media import PutMedia, epoch_ms, named_stream
from kinesight_local.kvs.quotas import Limits
from kinesight_local.kvs.refusals import refusal, request_id
from kinesight_local.kvs.service import KvsService
from kinesight_local.kvs.timing import Timing
from kinesight_local.kvs.urls import Route as Service
from kinesight_local.kvs.urls import routes

log = logging.getLogger(__name__)


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
        limits: Limits | None = None,
        faults: Faults | None = None,
        timing: Timing | None = None,
    ) -> None:
        """`public_url`: what GetDataEndpoint answers, where clients reach this server by another address.

        `limits`: the quotas to enforce; none without. `faults`: trouble on purpose; `service.faults` changes it later.
        Raises UnreadableStateError.
        """
        self._application = _Deferred()
        super().__init__(self._application, host, port)
        url = public_url or self.url.replace("//0.0.0.0:", "//127.0.0.1:")
        self.service = KvsService(
            data_dir, region=region, account_id=account_id, url=url, limits=limits, faults=faults, timing=timing
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


def application(service: KvsService) -> Answer:
    """The ASGI application."""

    async def operation(request: Request) -> Answer:
        return await _operation(service, request)

    starlette = Starlette(
        routes=[
            *own_routes(service),
            *hls_routes(service.hls, service.quotas),
            Route("/{path:path}", operation, methods=["POST"]),
        ],
        exception_handlers={KvsError: _refused, HTTPException: _unknown, Exception: _broken},
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
        key = named_stream(request.headers)
        fault = service.faults.draw(OnAnswer, "PutMedia", key.named)
        _refuse_if_meant(fault)
        stream = await run_in_threadpool(service.streams.get, key)
        service.quotas.charge_call("PutMedia", stream.arn)
        service.quotas.connect("PutMedia", stream.arn)
    except KvsError as error:
        await refusal(error)(scope, receive, send)
        return
    try:
        if isinstance(fault, Slow):
            await asyncio.sleep(fault.delay_ms / 1000)
        body = cut_receiving(receive, fault.after_bytes) if isinstance(fault, Cut) else receive
        if service.quotas.limits is not None:
            body = paced_receiving(body, service.quotas.limits.put_media_bytes_per_s)
        connection = PutMedia(service, send, stream, ingest)
        await connection.run(body, request_id(), ends_well=not isinstance(fault, Cut))
    finally:
        service.quotas.disconnect("PutMedia", stream.arn)


async def _operation(service: KvsService, request: Request) -> Answer:
    route = routes().get(request.url.path)
    if route is None:
        _no_operation(request)
    parameters = _parameters(await request.body())
    fault = service.faults.draw(OnAnswer, route.operation, named(parameters))
    _refuse_if_meant(fault)
    answer = await run_in_threadpool(service.call, route, parameters)
    response = _streamed(service, route, parameters, answer) if isinstance(answer, Body) else _json(answer)
    match fault:
        case Slow():
            return slowed(response, fault)
        case Cut():
            return cut(response, fault)
    return response


def _refuse_if_meant(fault: Fault | None) -> None:
    match fault:
        case Throttle():
            raise ClientLimitExceededError("A fault was injected here: throttled.")
        case Fail():
            raise InjectedError(fault.code, fault.status)


def _json(answer: dict[str, Any]) -> Answer:
    return JSONResponse(answer, headers=request_id())


def _streamed(service: KvsService, route: Service, parameters: dict[str, Any], answer: Body) -> Answer:
    """Holds one of the stream's connections while it is sent."""
    response = StreamingResponse(answer.chunks, media_type=answer.content_type, headers=request_id())

    async def connected(scope: Scope, receive: Receive, send: Send) -> None:
        arn = service.streams.get(key_of(parameters)).arn
        limits = service.quotas.limits
        try:
            with service.quotas.connection(route.operation, arn):
                await response(scope, receive, paced(send, limits.media_bytes_per_s) if limits else send)
        except (ConnectionLimitExceededError, ClientLimitExceededError) as error:
            await refusal(error)(scope, receive, send)

    return connected


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


async def _refused(_: Request, error: Exception) -> Response:
    return refusal(error if isinstance(error, KvsError) else KvsError(str(error)))


async def _unknown(request: Request, _: Exception) -> Response:
    return refusal(UnknownOperationError(f"{request.method} {request.url.path} is no operation of this service."))


async def _broken(_: Request, error: Exception) -> Response:
    """Starlette raises the error again once this is sent, and uvicorn logs it."""
    return refusal(KvsError(f"The emulator failed: {type(error).__name__}. Its log says more."))
