"""GetMedia: fragments from a start position on, then live ones.

A fragment is sent once it is complete; AWS sends it while it arrives. The response ends after three seconds at the live
edge, unless a fragment is arriving.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from starlette.concurrency import run_in_threadpool

from kinesight_local.kvs.exceptions import InvalidArgumentError, ResourceNotFoundError
from kinesight_local.kvs.faults import ErrorInside, FaultBook, Missing, Unreadable
from kinesight_local.kvs.live_edge import Listener, LiveEdge
from kinesight_local.kvs.operations.body import MATROSKA, Body
from kinesight_local.kvs.operations.control import Parameters, key_of
from kinesight_local.kvs.operations.documents import (
    FRAGMENT_NOT_FOUND,
    document,
    get_media_error,
    position,
)
from kinesight_local.kvs.quotas import Limits
from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.stored_fragment import Clock, StoredFragment
from kinesight_local.kvs.storage.stored_media import FragmentExpiredError
from kinesight_local.kvs.storage.streams import Stream, StreamKey, StreamRegistry

_CLOCKS: dict[str, Clock] = {"SERVER_TIMESTAMP": "SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP": "PRODUCER_TIMESTAMP"}
_NUMBER_PARAMETERS = {"FRAGMENT_NUMBER": "AfterFragmentNumber", "CONTINUATION_TOKEN": "ContinuationToken"}


class _StreamGoneError(Exception):
    """The stream was deleted during the response."""


class Media:
    """The only operation of the media service."""

    def __init__(
        self,
        streams: StreamRegistry,
        fragments: FragmentReader,
        live_edge: LiveEdge,
        faults: FaultBook,
        live_edge_timeout_s: float,
        limits: Limits | None,
    ) -> None:
        self._streams = streams
        self._fragments = fragments
        self._live_edge = live_edge
        self._faults = faults
        self._timeout_s = live_edge_timeout_s
        self._pause_s = 1 / limits.fragments_per_s if limits is not None else 0.0

    def get_media(self, request: Parameters) -> Body:
        """All start selectors. Bandwidth and fragments per second are limited only if quotas are enforced."""
        stream = self._streams.get(key_of(request))
        selector = request["StartSelector"]
        kind = selector["StartSelectorType"]
        if kind in _NUMBER_PARAMETERS:
            number = selector.get(_NUMBER_PARAMETERS[kind])
            if not number:
                raise InvalidArgumentError(f"{kind} requires {_NUMBER_PARAMETERS[kind]}.")
            if self._fragments.readable(stream, number) is None:
                return Body(MATROSKA, iter([get_media_error(FRAGMENT_NOT_FOUND, "FRAGMENT_NOT_FOUND")]))
            return Body(MATROSKA, self._from(stream, number))
        return Body(MATROSKA, self._from(stream, self._before(stream, selector, kind)))

    def _before(self, stream: Stream, selector: Parameters, kind: str) -> str:
        """The fragment number to start after; "" for the first fragment."""
        if kind == "EARLIEST":
            return ""
        if kind == "NOW":
            latest = self._fragments.latest(stream)
            return latest.number if latest is not None else ""
        start_s = selector.get("StartTimestamp")
        if start_s is None:
            raise InvalidArgumentError(f"{kind} requires StartTimestamp.")
        first = self._fragments.at(stream, _CLOCKS[kind], round(1000 * start_s))
        if first is not None:
            return str(int(first.number) - 1)
        latest = self._fragments.latest(stream)
        return latest.number if latest is not None else ""

    async def _from(self, stream: Stream, number: str) -> AsyncIterator[bytes]:
        listener = Listener()
        self._live_edge.join(stream.arn, listener)
        try:
            while (stored := await self._next(stream, number, listener)) is not None:
                if error := self._injected(stream):
                    yield error
                    return
                readable = self._faults.draw((Unreadable,), "GetMedia", stream.name) is None
                async for piece in self._pieces(stored, readable=readable):
                    yield piece
                yield position(stored, await run_in_threadpool(self._behind_ms, stream, stored))
                number = stored.number
                await asyncio.sleep(self._pause_s)  # the quota of fragments per second
        except FragmentExpiredError:
            yield get_media_error(FRAGMENT_NOT_FOUND, "FRAGMENT_NOT_FOUND")
        except _StreamGoneError:
            yield get_media_error(4506, "STREAM_NOT_FOUND")
        finally:
            self._live_edge.leave(stream.arn, listener)

    async def _next(self, stream: Stream, number: str, listener: Listener) -> StoredFragment | None:
        """Waits for the next fragment; None after the timeout."""
        while True:
            listener.clear()
            was_open = self._live_edge.is_receiving(stream.arn)
            found = await run_in_threadpool(self._following, stream.arn, number)
            if found is not None or (not await listener.wait(self._timeout_s) and not was_open):
                return found

    def _following(self, stream_arn: str, number: str) -> StoredFragment | None:
        """Reads the current retention, because it may change during the response."""
        try:
            stream = self._streams.get(StreamKey(arn=stream_arn))
        except ResourceNotFoundError as error:
            raise _StreamGoneError(stream_arn) from error
        return self._fragments.following(stream, number)

    async def _pieces(self, stored: StoredFragment, *, readable: bool) -> AsyncIterator[bytes]:
        pieces: Iterator[bytes] = await run_in_threadpool(
            lambda: iter(list(document(self._fragments, stored, readable=readable)))
        )
        for piece in pieces:
            yield piece

    def _behind_ms(self, stream: Stream, stored: StoredFragment) -> int:
        latest = self._fragments.latest(stream)
        return max(0, latest.server_ms - stored.server_ms) if latest is not None else 0

    def _injected(self, stream: Stream) -> bytes | None:
        if self._faults.draw((Missing,), "GetMedia", stream.name) is not None:
            return get_media_error(FRAGMENT_NOT_FOUND, "FRAGMENT_NOT_FOUND")
        fault = self._faults.draw((ErrorInside,), "GetMedia", stream.name)
        return get_media_error(fault.error_id, fault.code) if fault is not None else None
