"""PutMedia on bare ASGI: acknowledgements go out while the request still comes in.

Starlette's responses wait for the request to end, so this route reads and sends ASGI messages itself, one
acknowledgement a chunk: AWS's SDK drops a chunk of over 1,024 bytes.
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
from kinesight_local.kvs.fragment import IngestedFragment
from kinesight_local.kvs.ingest import Buffering, Ingest, Outcome, Rejected
from kinesight_local.kvs.service import KvsService, Persisted
from kinesight_local.kvs.store import FragmentIdentity
from kinesight_local.kvs.streams import Stream, StreamKey

log = logging.getLogger(__name__)

_IDLES_BEFORE_THE_END = 3
_LINGER_S = 2.0
_LINGER_SILENCE_S = 0.1
_HEADERS = {"name": "x-amzn-stream-name", "arn": "x-amzn-stream-arn"}


def named_stream(headers: Mapping[str, str]) -> StreamKey:
    """Raises InvalidArgumentError unless exactly one of the two headers is there."""
    named = {kind: headers[header] for kind, header in _HEADERS.items() if headers.get(header)}
    if len(named) != 1:
        raise InvalidArgumentError(f"Exactly one of {' and '.join(_HEADERS.values())} is required.")
    return StreamKey(**named)


def epoch_ms(headers: Mapping[str, str]) -> Fraction:
    """What the body's timecodes count from, in epoch milliseconds. Raises InvalidArgumentError."""
    kind = headers.get("x-amzn-fragment-timecode-type")
    if kind == "ABSOLUTE":
        return Fraction(0)
    if kind != "RELATIVE":
        raise InvalidArgumentError("x-amzn-fragment-timecode-type is ABSOLUTE or RELATIVE.")
    text = headers.get("x-amzn-producer-start-timestamp", "0")
    seconds, _, decimals = text.partition(".")
    if not text.isascii() or not (seconds + (decimals or "0")).isdecimal() or not 1 <= len(seconds) <= 12:
        raise InvalidArgumentError("x-amzn-producer-start-timestamp is <seconds>.<milliseconds>.")
    if len(decimals) > 3:
        return Fraction(text) * 1000
    # AWS's SDK prints the milliseconds as a number of their own, without leading zeros.
    return Fraction(int(seconds) * 1000 + int(decimals or 0))


class _Body:
    """The request's messages. The first is asked for on construction, which is what has uvicorn say 100 Continue."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._next: asyncio.Future[Message] = asyncio.ensure_future(receive())

    async def message(self, timeout_s: float) -> Message | None:
        """None if nothing came in time. A message that comes later is not lost."""
        done, _ = await asyncio.wait({self._next}, timeout=timeout_s)
        if not done:
            return None
        message = self._next.result()
        self._next = asyncio.ensure_future(self._receive())
        return message

    def close(self) -> None:
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
        self._refused = False
        self._identity: FragmentIdentity | None = None
        """Of the fragment that is open."""

    async def run(self, receive: Receive, headers: Mapping[str, str], *, ends_well: bool = True) -> None:
        """`headers`: of the answer, which is left without an end unless it `ends_well`."""
        body = _Body(receive)
        try:
            await asyncio.sleep(0)  # lets the body ask before the answer starts; afterwards a 100 would come too late
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await self._send({"type": "http.response.start", "status": 200, "headers": raw})
            with suppress(asyncio.CancelledError):  # the server stops: the answer ends as it would after silence
                await self._take_in(body)
                await self._linger(body)
            if ends_well:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            body.close()
            if self._identity is not None:
                self._service.abandon_fragment(self._stream_arn)

    async def _linger(self, body: _Body) -> None:
        """Reads on for a moment after an error: a connection closed over unread bytes is reset, and the producer would
        not hear why."""
        if not self._refused:
            return
        until_s = time.monotonic() + _LINGER_S
        while time.monotonic() < until_s and (message := await body.message(_LINGER_SILENCE_S)) is not None:
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return

    async def _take_in(self, body: _Body) -> None:
        idles = 0
        began_s = time.monotonic()
        while idles < _IDLES_BEFORE_THE_END:
            if time.monotonic() - began_s > self._timing.connection_s:
                await self._refuse(Rejected(None, 4003, "MAX_CONNECTION_DURATION_REACHED"))
                return
            message = await body.message(self._timing.idle_s)
            if message is None:
                idles += 1
                await self._acknowledge("IDLE")
                continue
            idles = 0
            if message["type"] == "http.disconnect":
                return  # what was open is half a fragment, and is dropped
            if not await self._settle(self._digest(message)) or not message.get("more_body", False):
                return

    def _digest(self, message: Message) -> list[Outcome]:
        outcomes = self._ingest.feed(message.get("body", b""))
        refused = any(isinstance(outcome, Rejected) for outcome in outcomes)
        return outcomes if refused or message.get("more_body", False) else outcomes + self._ingest.close()

    async def _settle(self, outcomes: list[Outcome]) -> bool:
        """Acknowledges; False after an error, with which the connection ends."""
        for outcome in outcomes:
            match outcome:
                case Buffering(timecode):
                    refusal = await self._begin(timecode)
                case IngestedFragment():
                    refusal = await self._persist(outcome)
                case Rejected():
                    refusal = outcome
            if refusal is not None:
                await self._refuse(refusal)
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
            raise RuntimeError("a fragment ended that had not begun")
        told = {"FragmentTimecode": fragment.timecode, "FragmentNumber": identity.number}
        await self._acknowledge("RECEIVED", **told)
        try:
            persisted = await run_in_threadpool(self._service.persist, self._stream_arn, fragment, identity)
        except ResourceNotFoundError:
            return Rejected(fragment.timecode, 4008, "STREAM_NOT_ACTIVE")
        except OSError as error:
            log.warning("fragment %s can't be written: %s", identity.number, error)
            return Rejected(fragment.timecode, 5001, "ARCHIVAL_ERROR")
        self._identity = None
        if persisted is not None:
            await self._hand_on(persisted, told)
        return None

    async def _hand_on(self, persisted: Persisted, told: dict[str, Any]) -> None:
        """The producer hears first; nothing more is read from it while too much waits for delivery."""
        try:
            await self._acknowledge("PERSISTED", **told)
        finally:
            if persisted.job is not None:
                self._service.delivery.submit(persisted.job)
        await asyncio.wrap_future(self._service.delivery.room())

    async def _refuse(self, refusal: Rejected) -> None:
        self._refused = True
        told: dict[str, Any] = {} if refusal.timecode is None else {"FragmentTimecode": refusal.timecode}
        if self._identity is not None:
            told["FragmentNumber"] = self._identity.number
        await self._acknowledge("ERROR", **told, ErrorCode=refusal.code, ErrorId=refusal.error_id)

    async def _acknowledge(self, kind: str, **told: Any) -> None:
        body = json.dumps({"EventType": kind} | told, separators=(",", ":")).encode() + b"\r\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
