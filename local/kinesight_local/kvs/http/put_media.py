"""PutMedia on bare ASGI: acknowledgements are sent while the request is still being received.

Starlette's responses wait for the end of the request, so this module reads and sends ASGI messages itself. Each chunk
is one acknowledgement, because AWS's SDK drops chunks over 1,024 bytes.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Send

from kinesight_local.kvs.exceptions import InvalidArgumentError, ResourceNotFoundError
from kinesight_local.kvs.faults import ErrorInside
from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.media.ingest import Buffering, Ingest, Outcome, Rejected
from kinesight_local.kvs.service import KvsService, Persisted
from kinesight_local.kvs.storage.stored_fragment import FragmentIdentity
from kinesight_local.kvs.storage.streams import Stream, StreamKey

log = logging.getLogger(__name__)

_MAXIMUM_IDLES = 3
_LINGER_S = 2.0
_LINGER_SILENCE_S = 0.1
_HEADERS = {"name": "x-amzn-stream-name", "arn": "x-amzn-stream-arn"}


def stream_key(headers: Mapping[str, str]) -> StreamKey:
    """The stream that the headers name. Raises InvalidArgumentError unless there is exactly one of the two headers."""
    keys = {kind: headers[header] for kind, header in _HEADERS.items() if headers.get(header)}
    if len(keys) != 1:
        raise InvalidArgumentError(f"Exactly one of {' and '.join(_HEADERS.values())} is required.")
    return StreamKey(**keys)


def epoch_ms(headers: Mapping[str, str]) -> Fraction:
    """The start of the body's timecodes, in epoch milliseconds. Raises InvalidArgumentError."""
    kind = headers.get("x-amzn-fragment-timecode-type")
    if kind == "ABSOLUTE":
        return Fraction(0)
    if kind != "RELATIVE":
        raise InvalidArgumentError("x-amzn-fragment-timecode-type must be ABSOLUTE or RELATIVE.")
    text = headers.get("x-amzn-producer-start-timestamp", "0")
    seconds, _, decimals = text.partition(".")
    if not text.isascii() or not (seconds + (decimals or "0")).isdecimal() or not 1 <= len(seconds) <= 12:
        raise InvalidArgumentError("x-amzn-producer-start-timestamp must be <seconds>.<milliseconds>.")
    if len(decimals) > 3:
        return Fraction(text) * 1000
    # AWS's SDK writes the milliseconds as a separate number, without leading zeros.
    return Fraction(int(seconds) * 1000 + int(decimals or 0))


class _Body:
    """The request's messages. The constructor requests the first one, upon which uvicorn sends 100 Continue."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._next: asyncio.Future[Message] = asyncio.ensure_future(receive())

    async def message(self, timeout_s: float) -> Message | None:
        """The next message; None after the timeout. A message that arrives later is returned by the next call."""
        done, _ = await asyncio.wait({self._next}, timeout=timeout_s)
        if not done:
            return None
        message = self._next.result()
        self._next = asyncio.ensure_future(self._receive())
        return message

    def close(self) -> None:
        """Cancels the pending read."""
        self._next.cancel()


class PutMedia:
    """One connection."""

    def __init__(self, service: KvsService, send: Send, stream: Stream, ingest: Ingest) -> None:
        self._service = service
        self._send = send
        self._stream_arn = stream.arn
        self._stream_name = stream.name
        self._ingest = ingest
        self._timing = service.timing
        self._has_failed = False
        self._identity: FragmentIdentity | None = None
        """Of the open fragment."""

    async def run(self, receive: Receive, headers: Mapping[str, str], *, sends_end: bool = True) -> None:
        """`headers`: of the response. Without `sends_end` it stays incomplete, which makes uvicorn disconnect."""
        body = _Body(receive)
        try:
            # Lets the body request its first message, because 100 Continue must precede the response.
            await asyncio.sleep(0)
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await self._send({"type": "http.response.start", "status": 200, "headers": raw})
            with suppress(asyncio.CancelledError):  # the server is stopping: the response ends as after a timeout
                await self._receive(body)
                await self._linger(body)
            if sends_end:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            body.close()
            if self._identity is not None:
                self._service.abandon_fragment(self._stream_arn)

    async def _linger(self, body: _Body) -> None:
        """Reads on for a moment after an error: closing a connection with unread bytes resets it, and the producer
        would not receive the error."""
        if not self._has_failed:
            return
        until_s = time.monotonic() + _LINGER_S
        while time.monotonic() < until_s and (message := await body.message(_LINGER_SILENCE_S)) is not None:
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return

    async def _receive(self, body: _Body) -> None:
        idles = 0
        started_s = time.monotonic()
        while idles < _MAXIMUM_IDLES:
            if time.monotonic() - started_s > self._timing.connection_s:
                await self._reject(Rejected(None, 4003, "MAX_CONNECTION_DURATION_REACHED"))
                return
            message = await body.message(self._timing.idle_s)
            if message is None:
                idles += 1
                await self._acknowledge("IDLE")
                continue
            idles = 0
            if message["type"] == "http.disconnect":
                return  # an open fragment is incomplete and is dropped
            if not await self._process(self._parse(message)) or not message.get("more_body", False):
                return

    def _parse(self, message: Message) -> list[Outcome]:
        outcomes = self._ingest.feed(message.get("body", b""))
        is_rejected = any(isinstance(outcome, Rejected) for outcome in outcomes)
        return outcomes if is_rejected or message.get("more_body", False) else outcomes + self._ingest.close()

    async def _process(self, outcomes: list[Outcome]) -> bool:
        """Stores and acknowledges; False after an error, which ends the connection."""
        for outcome in outcomes:
            match outcome:
                case Buffering(timecode):
                    rejected = await self._begin(timecode)
                case IngestedFragment():
                    rejected = await self._persist(outcome)
                case Rejected():
                    rejected = outcome
            if rejected is not None:
                await self._reject(rejected)
                return False
        return True

    async def _begin(self, timecode: int) -> Rejected | None:
        try:
            self._identity = await run_in_threadpool(self._service.begin_fragment, self._stream_arn)
        except ResourceNotFoundError:
            return Rejected(timecode, 4008, "STREAM_NOT_ACTIVE")
        await self._acknowledge("BUFFERING", FragmentTimecode=timecode, FragmentNumber=self._identity.number)
        fault = self._service.faults.draw((ErrorInside,), "PutMedia", self._stream_name)
        return Rejected(timecode, fault.error_id, fault.code) if fault is not None else None

    async def _persist(self, fragment: IngestedFragment) -> Rejected | None:
        identity = self._identity
        if identity is None:
            raise RuntimeError("a fragment ended that was never begun")
        fields = {"FragmentTimecode": fragment.timecode, "FragmentNumber": identity.number}
        await self._acknowledge("RECEIVED", **fields)
        try:
            persisted = await run_in_threadpool(self._service.persist, self._stream_arn, fragment, identity)
        except ResourceNotFoundError:
            return Rejected(fragment.timecode, 4008, "STREAM_NOT_ACTIVE")
        except OSError as error:
            log.warning("cannot write fragment %s: %s", identity.number, error)
            return Rejected(fragment.timecode, 5001, "ARCHIVAL_ERROR")
        self._identity = None
        if persisted is not None:
            await self._submit(persisted, fields)
        return None

    async def _submit(self, persisted: Persisted, fields: dict[str, Any]) -> None:
        """Acknowledges before delivery, then reads nothing more from the producer while the backlog is full."""
        try:
            await self._acknowledge("PERSISTED", **fields)
        finally:
            if persisted.job is not None:
                self._service.delivery.submit(persisted.job)
        await asyncio.wrap_future(self._service.delivery.room())

    async def _reject(self, rejected: Rejected) -> None:
        self._has_failed = True
        fields: dict[str, Any] = {} if rejected.timecode is None else {"FragmentTimecode": rejected.timecode}
        if self._identity is not None:
            fields["FragmentNumber"] = self._identity.number
        await self._acknowledge("ERROR", **fields, ErrorCode=rejected.code, ErrorId=rejected.error_id)

    async def _acknowledge(self, kind: str, **fields: Any) -> None:
        body = json.dumps({"EventType": kind} | fields, separators=(",", ":")).encode() + b"\r\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
