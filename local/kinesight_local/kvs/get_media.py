"""GetMedia: fragments from a chosen place on, then as they arrive.

A fragment is sent once it is whole; the service sends it while it arrives. After three seconds at the tip without
anything on its way the answer ends.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from starlette.concurrency import run_in_threadpool

from kinesight_local.kvs.body import MATROSKA, Body
from kinesight_local.kvs.control import Parameters, key_of
from kinesight_local.kvs.documents import (
    FRAGMENT_NOT_FOUND,
    FragmentGoneError,
    document,
    get_media_error,
    position,
)
from kinesight_local.kvs.exceptions import InvalidArgumentError, ResourceNotFoundError
from kinesight_local.kvs.faults import ErrorInside, FaultBook, Missing, Unreadable
from kinesight_local.kvs.quotas import Limits
from kinesight_local.kvs.store import Clock, FragmentStore, StoredFragment
from kinesight_local.kvs.streams import Stream, StreamKey, StreamRegistry
from kinesight_local.kvs.tip import Listener, Tip

_CLOCKS: dict[str, Clock] = {"SERVER_TIMESTAMP": "SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP": "PRODUCER_TIMESTAMP"}
_NAMED = {"FRAGMENT_NUMBER": "AfterFragmentNumber", "CONTINUATION_TOKEN": "ContinuationToken"}


class _StreamGoneError(Exception):
    """The stream was deleted while it was read."""


class Media:
    """The one operation of the media service."""

    def __init__(
        self,
        streams: StreamRegistry,
        store: FragmentStore,
        tip: Tip,
        faults: FaultBook,
        patience_s: float,
        limits: Limits | None,
    ) -> None:
        self._streams = streams
        self._store = store
        self._tip = tip
        self._faults = faults
        self._patience_s = patience_s
        self._pause_s = 1 / limits.fragments_per_s if limits is not None else 0.0

    def get_media(self, wanted: Parameters) -> Body:
        """All start selectors. Bandwidth and fragments a second are bounded only where quotas are enforced."""
        stream = self._streams.get(key_of(wanted))
        selector = wanted["StartSelector"]
        kind = selector["StartSelectorType"]
        if kind in _NAMED:
            number = selector.get(_NAMED[kind])
            if not number:
                raise InvalidArgumentError(f"{kind} needs {_NAMED[kind]}.")
            if self._store.readable(stream.arn, number, stream.retention_hours) is None:
                return Body(MATROSKA, iter([get_media_error(FRAGMENT_NOT_FOUND, "FRAGMENT_NOT_FOUND")]))
            return Body(MATROSKA, self._from(stream, number))
        return Body(MATROSKA, self._from(stream, self._before(stream, selector, kind)))

    def _before(self, stream: Stream, selector: Parameters, kind: str) -> str:
        """The number after which to begin; "" is the beginning."""
        if kind == "EARLIEST":
            return ""
        if kind == "NOW":
            latest = self._store.latest(stream.arn, stream.retention_hours)
            return latest.number if latest is not None else ""
        moment_s = selector.get("StartTimestamp")
        if moment_s is None:
            raise InvalidArgumentError(f"{kind} needs StartTimestamp.")
        first = self._store.at(stream.arn, _CLOCKS[kind], round(1000 * moment_s), stream.retention_hours)
        if first is not None:
            return str(int(first.number) - 1)
        latest = self._store.latest(stream.arn, stream.retention_hours)
        return latest.number if latest is not None else ""

    async def _from(self, stream: Stream, number: str) -> AsyncIterator[bytes]:
        listener = Listener()
        self._tip.join(stream.arn, listener)
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
                await asyncio.sleep(self._pause_s)
        except FragmentGoneError:
            yield get_media_error(FRAGMENT_NOT_FOUND, "FRAGMENT_NOT_FOUND")
        except _StreamGoneError:
            yield get_media_error(4506, "STREAM_NOT_FOUND")
        finally:
            self._tip.leave(stream.arn, listener)

    async def _next(self, stream: Stream, number: str, listener: Listener) -> StoredFragment | None:
        """Waits for it; None once nothing came for too long."""
        while True:
            listener.forget()
            was_open = self._tip.receives(stream.arn)
            found = await run_in_threadpool(self._following, stream.arn, number)
            if found is not None or (not await listener.wait(self._patience_s) and not was_open):
                return found

    def _following(self, stream_arn: str, number: str) -> StoredFragment | None:
        """With the retention as it is now: it may be changed while somebody reads."""
        try:
            stream = self._streams.get(StreamKey(arn=stream_arn))
        except ResourceNotFoundError as error:
            raise _StreamGoneError(stream_arn) from error
        return self._store.following(stream_arn, number, stream.retention_hours)

    async def _pieces(self, stored: StoredFragment, *, readable: bool) -> AsyncIterator[bytes]:
        pieces: Iterator[bytes] = await run_in_threadpool(
            lambda: iter(list(document(self._store, stored, readable=readable)))
        )
        for piece in pieces:
            yield piece

    def _behind_ms(self, stream: Stream, stored: StoredFragment) -> int:
        latest = self._store.latest(stream.arn, stream.retention_hours)
        return max(0, latest.server_ms - stored.server_ms) if latest is not None else 0

    def _injected(self, stream: Stream) -> bytes | None:
        if self._faults.draw((Missing,), "GetMedia", stream.name) is not None:
            return get_media_error(FRAGMENT_NOT_FOUND, "FRAGMENT_NOT_FOUND")
        fault = self._faults.draw((ErrorInside,), "GetMedia", stream.name)
        return get_media_error(fault.error_id, fault.code) if fault is not None else None
