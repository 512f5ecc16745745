"""The archived media's operations: parameters in (as botocore's models name them), answer out. No HTTP here.

Method names are the operations'. Parameters were checked against the model before.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, get_args

from kinesight.media import mkv_write as write
from kinesight.media.mkv import Tag

from kinesight_local.kvs import tokens
from kinesight_local.kvs.control import Parameters, key_of
from kinesight_local.kvs.exceptions import InvalidArgumentError
from kinesight_local.kvs.store import Clock, FragmentStore, Selection, StoredFragment
from kinesight_local.kvs.streams import StreamRegistry
from kinesight_local.kvs.validation import LATEST_EPOCH_S

_KVS = "AWS_KINESISVIDEO_"
_DEFAULT_FRAGMENTS = 100  # the service's own default is not documented
_FRAGMENT_NOT_FOUND = 4000


class ArchivedMedia:
    """What was persisted. Nothing is throttled."""

    def __init__(self, streams: StreamRegistry, store: FragmentStore) -> None:
        self._streams = streams
        self._store = store

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

    def get_media_for_fragment_list(self, wanted: Parameters) -> Iterator[bytes]:
        """A document per fragment, in the order asked for; read while it is consumed.

        Tags are named as AWS's parser library reads them; the API reference writes …_SIDE_TIMESTAMP.
        """
        stream = self._streams.get(key_of(wanted))
        return (
            piece
            for number in wanted["Fragments"]
            for piece in self._document(stream.arn, number, stream.retention_hours)
        )

    def _document(self, stream_arn: str, number: str, retention_hours: int) -> Iterator[bytes]:
        stored = self._store.find(stream_arn, number, retention_hours)
        try:
            header, cluster, trailer = self._store.parts(stored) if stored else (b"", b"", b"")
        except FileNotFoundError:  # swept since
            stored = None
        if stored is None:
            yield _missing(number)
            return
        told = [
            Tag(f"{_KVS}FRAGMENT_NUMBER", stored.number),
            Tag(f"{_KVS}SERVER_TIMESTAMP", _seconds(stored.server_ms)),
            Tag(f"{_KVS}PRODUCER_TIMESTAMP", _seconds(stored.producer_ms)),
        ]
        yield header + write.tags(told)
        yield cluster
        yield trailer


def _missing(number: str) -> bytes:
    told = [
        Tag(f"{_KVS}FRAGMENT_NUMBER", number),
        Tag(f"{_KVS}EXCEPTION_ERROR_CODE", str(_FRAGMENT_NOT_FOUND)),
        Tag(f"{_KVS}EXCEPTION_MESSAGE", "The fragment is not found or has expired."),
    ]
    return write.ebml_header() + write.segment_start() + write.info() + write.tags(told)


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


def _seconds(epoch_ms: int) -> str:
    return f"{epoch_ms // 1000}.{epoch_ms % 1000:03d}"
