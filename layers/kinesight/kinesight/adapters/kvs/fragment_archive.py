"""FragmentArchive on KVS's archived media: streams GetMediaForFragmentList with one fragment in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from botocore.exceptions import ClientError

from kinesight.adapters.aws.backoff import full_jitter_delays_s
from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, translate
from kinesight.adapters.aws.kvs_data_clients import ArchivedMediaClients
from kinesight.domain.errors import MediaBusyError, StreamRefusedError, UnreadableMediaError
from kinesight.domain.ports import FragmentMedia, FragmentUnavailable
from kinesight.media.fragments import FragmentReader, MediaErrorNotice, MediaFragment, read_fragments
from kinesight.media.mkv import MkvError, TruncatedMkvError

_API: Final = "GET_MEDIA_FOR_FRAGMENT_LIST"
_FRAGMENTS_PER_CALL = 100  # the limit is 1000, but each costs one of the 500 points per second that all readers share
_CHUNK_BYTES = 64 * 1024
_ROUNDS = 4
_INTERNAL_ERROR_ID = 5000
_GONE = frozenset({"ResourceNotFoundException", "NoDataRetentionException"})


class KvsFragmentArchive:
    """Requests fragments again that KVS omits from a response or replaces with an error tag.

    A fragment that is not valid Matroska ends a response: it is reported, and the rest is requested without it.
    """

    def __init__(self, clients: ArchivedMediaClients, *, sleep: Callable[[float], None]) -> None:
        self._clients = clients
        self._sleep = sleep

    def fetch(self, stream_name: str, fragment_numbers: Sequence[str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        """Reports a fragment as unavailable only after four rounds, because KVS indexes are eventually consistent."""
        for start in range(0, len(fragment_numbers), _FRAGMENTS_PER_CALL):
            yield from self._fetch_call(stream_name, fragment_numbers[start : start + _FRAGMENTS_PER_CALL])

    def _fetch_call(
        self, stream_name: str, fragment_numbers: Sequence[str]
    ) -> Iterator[FragmentMedia | FragmentUnavailable]:
        missing = dict.fromkeys(fragment_numbers, "KVS omitted it from its response")
        for delay_s in full_jitter_delays_s(_ROUNDS - 1):
            with suppress(MediaBusyError):
                yield from self._readable(stream_name, missing)
            if not missing:
                return
            self._sleep(delay_s)
        yield from self._readable(stream_name, missing)
        yield from (FragmentUnavailable(number, reason) for number, reason in missing.items())

    def _readable(self, stream_name: str, missing: dict[str, str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        """Runs a round. Reports each fragment that cannot be read, and starts the round again without it."""
        while missing:
            try:
                yield from self._round(stream_name, missing)
            except UnreadableMediaError as error:
                if missing.pop(error.fragment_number, None) is None:
                    raise MediaBusyError(f"fragments of {stream_name}: {error}, which was not requested") from error
                yield FragmentUnavailable(error.fragment_number, str(error))
            else:
                return

    def _round(self, stream_name: str, missing: dict[str, str]) -> Iterator[FragmentMedia]:
        """Yields the fragments that arrive and removes them from `missing`; sets the reasons of the others there."""
        for item in self._request(stream_name, list(missing)):
            if item.fragment_number not in missing:
                continue
            if isinstance(item, FragmentMedia):
                del missing[item.fragment_number]
                yield item
            else:
                missing[item.fragment_number] = item.reason

    def _request(self, stream_name: str, numbers: list[str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        what, reader = f"fragments of {stream_name}", FragmentReader()
        try:
            body = self._clients.client(stream_name, _API).get_media_for_fragment_list(
                StreamName=stream_name, Fragments=numbers
            )["Payload"]
            for found in read_fragments(body.iter_chunks(_CHUNK_BYTES), reader):
                yield from _item(found, stream_name)
        except AWS_ERRORS as error:
            self._clients.forget(stream_name, _API)
            if isinstance(error, ClientError) and error_code(error) in _GONE:
                yield from (FragmentUnavailable(number, f"{error_code(error)}: {error}") for number in numbers)
                return
            # A refused call (permissions, key) is not repeated: the items of other streams would wait for it meanwhile.
            raise translate(error, what, transient=MediaBusyError, permanent=StreamRefusedError) from error
        except MkvError as error:
            if reader.number is not None and not isinstance(error, TruncatedMkvError):
                raise UnreadableMediaError(f"cannot read it: {error}", reader.number) from error
            raise MediaBusyError(f"{what}: the response is truncated or not valid Matroska: {error}") from error


def _item(found: MediaFragment | MediaErrorNotice, stream_name: str) -> Iterator[FragmentMedia | FragmentUnavailable]:
    if isinstance(found, MediaErrorNotice):
        if found.error_id == _INTERNAL_ERROR_ID or found.fragment_number is None:
            raise MediaBusyError(f"fragments of {stream_name}: {found.code} {found.message}")
        yield FragmentUnavailable(found.fragment_number, f"{found.code} {found.message}".strip())
    elif found.number is not None:
        yield FragmentMedia(found.number, found.raw)
