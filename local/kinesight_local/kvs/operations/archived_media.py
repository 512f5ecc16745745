"""ListFragments and GetMediaForFragmentList.

Methods are named after the operations. Their parameters have been validated against botocore's model.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, get_args

from kinesight_local.kvs.exceptions import InvalidArgumentError
from kinesight_local.kvs.faults import FaultBook, Missing, Unreadable
from kinesight_local.kvs.operations import tokens
from kinesight_local.kvs.operations.body import MATROSKA, Body
from kinesight_local.kvs.operations.control import Parameters, key_of
from kinesight_local.kvs.operations.documents import document, missing_fragment
from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.stored_fragment import Clock, Selection, StoredFragment
from kinesight_local.kvs.storage.stored_media import FragmentExpiredError
from kinesight_local.kvs.storage.streams import Stream, StreamRegistry
from kinesight_local.kvs.validation import LATEST_EPOCH_S

_DEFAULT_FRAGMENTS = 100  # AWS does not document its default


class ArchivedMedia:
    """Persisted fragments: lists, and media by fragment number."""

    def __init__(self, streams: StreamRegistry, fragments: FragmentReader, faults: FaultBook) -> None:
        self._streams = streams
        self._fragments = fragments
        self._faults = faults

    def list_fragments(self, request: Parameters) -> Parameters:
        """Fragments that start within the range, both ends included. Tokens don't expire."""
        stream = self._streams.get(key_of(request))
        chosen = _continued(request["NextToken"]) if request.get("NextToken") else _selection(request)
        size = request.get("MaxResults") or _DEFAULT_FRAGMENTS
        found = self._fragments.page(stream, chosen, size=size + 1)
        page = found[:size]
        response: Parameters = {"Fragments": [_fragment(stored) for stored in page]}
        if len(found) > size:
            response["NextToken"] = tokens.write(json.dumps(asdict(replace(chosen, after=page[-1].place))))
        return response

    def get_media_for_fragment_list(self, request: Parameters) -> Body:
        """One document per fragment, in the order of the request; files are read while the response is sent."""
        stream = self._streams.get(key_of(request))
        return Body(MATROSKA, self._documents(stream, request["Fragments"]))

    def _documents(self, stream: Stream, numbers: list[str]) -> Iterator[bytes]:
        for number in numbers:
            stored = self._fragments.find(stream, number)
            if stored is None or self._faults.draw((Missing,), "GetMediaForFragmentList", stream.name) is not None:
                yield missing_fragment(number)
                continue
            try:
                readable = self._faults.draw((Unreadable,), "GetMediaForFragmentList", stream.name) is None
                yield from document(self._fragments, stored, readable=readable)
            except FragmentExpiredError:
                yield missing_fragment(number)


def _selection(request: Parameters) -> Selection:
    selector = request.get("FragmentSelector")
    if selector is None:
        raise InvalidArgumentError("FragmentSelector is required without NextToken.")
    times = selector["TimestampRange"]
    start_ms, end_ms = (round(1000 * times[name]) for name in ("StartTimestamp", "EndTimestamp"))
    if end_ms < start_ms:
        raise InvalidArgumentError("EndTimestamp must not be before StartTimestamp.")
    return Selection(selector["FragmentSelectorType"], start_ms, end_ms)


def _continued(token: str) -> Selection:
    try:
        state: dict[str, Any] = json.loads(tokens.read(token))
        clock, start_ms, end_ms, after = (state[name] for name in ("clock", "start_ms", "end_ms", "after"))
        if clock not in get_args(Clock):
            raise tokens.invalid()
        return Selection(clock, _epoch_ms(start_ms), _epoch_ms(end_ms), str(after))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise tokens.invalid() from error


def _epoch_ms(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= LATEST_EPOCH_S * 1000:
        raise ValueError(f"{value} is not a time in epoch milliseconds")
    return value


def _fragment(stored: StoredFragment) -> Parameters:
    return {
        "FragmentNumber": stored.number,
        "FragmentSizeInBytes": stored.size_bytes,
        "ProducerTimestamp": stored.producer_ms / 1000,
        "ServerTimestamp": stored.server_ms / 1000,
        "FragmentLengthInMilliseconds": stored.length_ms,
    }
