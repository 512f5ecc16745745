"""HTTP: JSON operations through Starlette, PutMedia on bare ASGI.

PutMedia answers while its request still comes in. Starlette's responses wait for the request to end, so that route
reads and sends ASGI messages itself, one acknowledgement a chunk: AWS's SDK drops a chunk of over 1,024 bytes.
"""

import asyncio
import json
import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from kinesight_local.http_server import ThreadedServer
from kinesight_local.kvs.exceptions import InvalidArgumentError, KvsError, UnknownOperationError
from kinesight_local.kvs.images import Sampler
from kinesight_local.kvs.ingest import Buffering, Ingest, IngestedFragment, Outcome, Rejected
from kinesight_local.kvs.service import KvsService
from kinesight_local.kvs.streams import Stream
from kinesight_local.kvs.urls import routes

_IDLE_S = 10.0
_IDLES_BEFORE_THE_END = 3


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
    ) -> None:
        self._application = _Deferred()
        super().__init__(self._application, host, port)
        self.service = KvsService(data_dir, region=region, account_id=account_id, url=self.url)
        self._application.target = application(self.service)

    def start(self) -> None:
        self.service.delivery.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.service.delivery.stop()
        self.service.close()


class _Deferred:
    """The application needs the address, and the address is known once the server has its socket."""

    def __init__(self) -> None:
        self.target: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.target(scope, receive, send)


def application(service: KvsService) -> Any:
    """The ASGI application."""

    async def operation(request: Request) -> Response:
        return await _operation(service, request)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def statistics(request: Request) -> Response:
        return JSONResponse(service.delivery.counters(request.path_params["name"]))

    async def put_media(scope: Scope, receive: Receive, send: Send) -> None:
        await _PutMedia(service, receive, send).run(Request(scope, receive))

    starlette = Starlette(
        routes=[
            Route("/_kinesight/health", health),
            Route("/_kinesight/streams/{name}", statistics),
            Route("/{path:path}", operation, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    )

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        await (put_media if scope.get("path") == "/putMedia" else starlette)(scope, receive, send)

    return choose


async def _operation(service: KvsService, request: Request) -> Response:
    try:
        route = routes().get(request.url.path)
        if route is None or request.method != "POST":
            raise UnknownOperationError(
                f"{request.method} {request.url.path} is no operation of Kinesis Video Streams."
            )
        parameters = _parameters(await request.body())
        if route.operation == "GetMediaForFragmentList":
            body = await run_in_threadpool(service.media, route.model, parameters)
            return StreamingResponse(body, media_type="video/x-matroska", headers=_request_id())
        answer = await run_in_threadpool(service.call, route.operation, route.model, parameters)
        return JSONResponse(answer, headers=_request_id())
    except KvsError as error:
        return JSONResponse({"Message": error.message}, error.status, _error_headers(error))


def _parameters(body: bytes) -> dict[str, Any]:
    """The producer SDKs send JSON under a form's content type, so the type is not looked at."""
    try:
        parameters = json.loads(body or b"{}")
    except ValueError as error:
        raise InvalidArgumentError(f"The body is not JSON: {error}") from error
    if not isinstance(parameters, dict):
        raise InvalidArgumentError("The body is not a JSON object.")
    return parameters


def _request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}


def _error_headers(error: KvsError) -> dict[str, str]:
    """AWS documents the second name; botocore reads the first."""
    return _request_id() | {"x-amzn-ErrorType": error.code, "x-amz-ErrorType": error.code}


class _PutMedia:
    """One PutMedia connection."""

    def __init__(self, service: KvsService, receive: Receive, send: Send) -> None:
        self._service = service
        self._receive = receive
        self._send = send
        self._ingest = Ingest()
        self._sampler = Sampler()

    async def run(self, request: Request) -> None:
        try:
            stream = await run_in_threadpool(
                lambda: self._service.stream(
                    name=request.headers.get("x-amzn-stream-name"), arn=request.headers.get("x-amzn-stream-arn")
                )
            )
            start_ms = _timeline(request)
        except KvsError as error:
            response = JSONResponse({"Message": error.message}, error.status, _error_headers(error))
            await response(request.scope, self._receive, self._send)
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in _request_id().items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._ingest_body(stream, start_ms)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _ingest_body(self, stream: Stream, start_ms: Fraction) -> None:
        idles = 0
        while idles < _IDLES_BEFORE_THE_END:
            message = await self._next()
            if message is None:
                idles += 1
                await self._acknowledge({"EventType": "IDLE"})
                continue
            idles = 0
            if message["type"] == "http.disconnect":
                return  # what was open is half a fragment, and is dropped
            ended = not message.get("more_body", False)
            outcomes = self._ingest.feed(message.get("body", b""))
            if ended and not any(isinstance(outcome, Rejected) for outcome in outcomes):
                outcomes += self._ingest.close()
            if not await self._settle(stream, start_ms, outcomes) or ended:
                return

    async def _next(self) -> Message | None:
        try:
            return await asyncio.wait_for(self._receive(), _IDLE_S)
        except TimeoutError:
            return None

    async def _settle(self, stream: Stream, start_ms: Fraction, outcomes: list[Outcome]) -> bool:
        """Acknowledges; False after an error, with which the connection ends."""
        for outcome in outcomes:
            match outcome:
                case Buffering(timecode):
                    await self._acknowledge({"EventType": "BUFFERING", "FragmentTimecode": timecode})
                case Rejected(timecode, error_id, code):
                    error = {"EventType": "ERROR", "FragmentTimecode": timecode, "ErrorCode": code, "ErrorId": error_id}
                    await self._acknowledge(error)
                    return False
                case IngestedFragment():
                    await self._persist(stream, start_ms, outcome)
        return True

    async def _persist(self, stream: Stream, start_ms: Fraction, fragment: IngestedFragment) -> None:
        producer_ms = round(start_ms + fragment.timecode_ms)
        stored = await run_in_threadpool(self._service.accept, stream, fragment, producer_ms, self._sampler)
        told = {"FragmentTimecode": fragment.timecode, "FragmentNumber": stored.number}
        await self._acknowledge({"EventType": "RECEIVED"} | told)
        if stream.retention_hours > 0:
            await self._acknowledge({"EventType": "PERSISTED"} | told)

    async def _acknowledge(self, event: dict[str, Any]) -> None:
        body = json.dumps(event, separators=(",", ":")).encode() + b"\r\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": True})


def _timeline(request: Request) -> Fraction:
    """The epoch milliseconds to add to a fragment's timecode. Raises InvalidArgumentError."""
    kind = request.headers.get("x-amzn-fragment-timecode-type")
    if kind == "ABSOLUTE":
        return Fraction(0)
    if kind != "RELATIVE":
        raise InvalidArgumentError("x-amzn-fragment-timecode-type is ABSOLUTE or RELATIVE.")
    seconds, _, milliseconds = request.headers.get("x-amzn-producer-start-timestamp", "0").partition(".")
    if not seconds.isdecimal() or not (milliseconds.isdecimal() or milliseconds == ""):
        raise InvalidArgumentError("x-amzn-producer-start-timestamp is <seconds>.<milliseconds>.")
    # AWS's SDK prints the milliseconds as a number of their own, without leading zeros.
    return Fraction(int(seconds) * 1000 + int(milliseconds or 0))
