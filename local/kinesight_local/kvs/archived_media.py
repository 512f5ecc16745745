"""The archived media's operations: parameters in (as botocore's models name them), answer out. No HTTP here.

Method names are the operations'. Parameters were checked against the model before.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, get_args

from kinesight_local.kvs import tokens
from kinesight_local.kvs.body import MATROSKA, Body
from kinesight_local.kvs.control import Parameters, key_of
from kinesight_local.kvs.documents import FragmentGoneError, document, missing_fragment
from kinesight_local.kvs.exceptions import InvalidArgumentError
from kinesight_local.kvs.faults import FaultBook, Missing, Unreadable
from kinesight_local.kvs.store import Clock, FragmentStore, Selection, StoredFragment
from kinesight_local.kvs.streams import Stream, StreamRegistry
from kinesight_local.kvs.validation import LATEST_EPOCH_S

_DEFAULT_FRAGMENTS = 100  # the service's own default is not documented


class ArchivedMedia:
    """What was persisted: lists, and media by number."""

    def __init__(self, streams: StreamRegistry, store: FragmentStore, faults: FaultBook) -> None:
        self._streams = streams
        self._store = store
        self._faults = faults

    def list_fragments(self, wanted: Parameters) -> Parameters:
        """Fragments that start in the range, both ends included. Tokens don't expire."""
        stream = self._streams.get(key_of(wanted))
        chosen = _continued(wanted["NextToken"]) if wanted.get("NextToken") else _selection(wanted)
        size = wanted.get("MaxResults") or _DEFAULT_FRAGMENTS
        found = self._store.page(stream.arn, chosen, retention_hours=stream.retention_hours, size=size + 1)
        page = found[:size]
        answer: Parameters = {"Fragments": [_told(stored) for stored in page]}
        if len(found) > size:
            answer["NextToken"] = tokens.write(json.dumps(asdict(replace(chosen, after=page[-1].place))))
        return answer

    def get_media_for_fragment_list(self, wanted: Parameters) -> Body:
        """A document per fragment, in the order asked for; read while it is consumed."""
        stream = self._streams.get(key_of(wanted))
        return Body(MATROSKA, self._documents(stream, wanted["Fragments"]))

    def _documents(self, stream: Stream, numbers: list[str]) -> Iterator[bytes]:
        for number in numbers:
            stored = self._store.find(stream.arn, number, stream.retention_hours)
            if stored is None or self._faults.draw((Missing,), "GetMediaForFragmentList", stream.name) is not None:
                yield missing_fragment(number)
                continue
            try:
                readable = self._faults.draw((Unreadable,), "GetMediaForFragmentList", stream.name) is None
                yield from document(self._store, stored, readable=readable)
            except FragmentGoneError:
                yield missing_fragment(number)


def _selection(wanted: Parameters) -> Selection:
    selector = wanted.get("FragmentSelector")
    if selector is None:
        raise InvalidArgumentError("FragmentSelector is required without NextToken.")
    times = selector["TimestampRange"]
    start_ms, end_ms = (round(1000 * times[name]) for name in ("StartTimestamp", "EndTimestamp"))
    if end_ms < start_ms:
        raise InvalidArgumentError("EndTimestamp lies before StartTimestamp.")
    return Selection(selector["FragmentSelectorType"], start_ms, end_ms)


def _continued(token: str) -> Selection:
    try:
        state: dict[str, Any] = json.loads(tokens.read(token))
        clock, start_ms, end_ms, after = (state[name] for name in ("clock", "start_ms", "end_ms", "after"))
        if clock not in get_args(Clock):
            raise tokens.foreign()
        return Selection(clock, _sane(start_ms), _sane(end_ms), str(after))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise tokens.foreign() from error


def _sane(epoch_ms: Any) -> int:
    if not isinstance(epoch_ms, int) or not 0 <= epoch_ms <= LATEST_EPOCH_S * 1000:
        raise ValueError(f"{epoch_ms} is no time")
    return epoch_ms


def _told(stored: StoredFragment) -> Parameters:
    return {
        "FragmentNumber": stored.number,
        "FragmentSizeInBytes": stored.size_bytes,
        "ProducerTimestamp": stored.producer_ms / 1000,
        "ServerTimestamp": stored.server_ms / 1000,
        "FragmentLengthInMilliseconds": stored.length_ms,
    }
