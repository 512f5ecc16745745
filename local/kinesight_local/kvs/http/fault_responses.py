"""Slow and cut ASGI responses and requests, for fault injection and quotas."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from kinesight_local.kvs.faults import Cut, Slow

log = logging.getLogger(__name__)

Responder = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application that responds to one request, such as a Starlette response."""

_PIECE = 16 * 1024


class _CutError(Exception):
    """Ends the connection."""


def slowed(response: Responder, fault: Slow) -> Responder:
    """Starts late, and limits the rate."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(fault.delay_ms / 1000)  # the injected fault
        await response(scope, receive, paced(send, fault.bytes_per_s) if fault.bytes_per_s else send)

    return slow


def paced(send: Send, bytes_per_s: int) -> Send:
    """Limits the rate: sends small pieces, each followed by a pause."""

    async def paced_send(message: Message) -> None:
        body = message.get("body", b"")
        while len(body) > _PIECE:
            await send({"type": "http.response.body", "body": body[:_PIECE], "more_body": True})
            await asyncio.sleep(_PIECE / bytes_per_s)  # keeps the rate
            body = body[_PIECE:]
        await send({**message, "body": body} if body else message)
        await asyncio.sleep(len(body) / bytes_per_s)  # likewise

    return paced_send


def cut(response: Responder, fault: Cut) -> Responder:
    """Ends the connection after `fault.after_bytes` of the body; uvicorn closes an incomplete response."""

    async def cutting(scope: Scope, receive: Receive, send: Send) -> None:
        left = fault.after_bytes

        async def cut_send(message: Message) -> None:
            nonlocal left
            body = message.get("body", b"")
            if message["type"] == "http.response.body" and (len(body) > left or not message.get("more_body", False)):
                if left:
                    await send({"type": "http.response.body", "body": body[:left], "more_body": True})
                raise _CutError
            left -= len(body)
            await send(message)

        try:
            await response(scope, receive, cut_send)
        except* _CutError:
            log.debug("cut a response to %s", scope["path"])

    return cutting


def cut_receiving(receive: Receive, after_bytes: int) -> Receive:
    """A request whose client seems to disconnect after `after_bytes`."""
    left = after_bytes

    async def cut_receive() -> Message:
        nonlocal left
        if left < 0:
            return {"type": "http.disconnect"}
        message: dict[str, Any] = dict(await receive())
        left -= len(message.get("body", b""))
        if left < 0:
            message["body"] = message["body"][:left]
            message["more_body"] = True
        return message

    return cut_receive


def paced_receiving(receive: Receive, bytes_per_s: int) -> Receive:
    """Limits the rate at which a request is read, so that TCP slows its client down."""

    async def paced_receive() -> Message:
        message = await receive()
        await asyncio.sleep(len(message.get("body", b"")) / bytes_per_s)  # keeps the rate
        return message

    return paced_receive
