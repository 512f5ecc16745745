"""FragmentArchive on KVS archived media: GetMediaForFragmentList, read as it comes, one fragment in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, translate
from kinesight.adapters.backoff import full_jitter_delays_s
from kinesight.adapters.data_endpoints_kvs import ArchivedMediaClients
from kinesight.domain.errors import MediaBusyError, UnreadableMediaError
from kinesight.domain.ports import FragmentMedia, FragmentUnavailable
from kinesight.media.fragments import FragmentReader, MediaErrorNotice, MediaFragment, read_fragments
from kinesight.media.mkv import MkvError, TruncatedMkvError

_API: Final = "GET_MEDIA_FOR_FRAGMENT_LIST"
_FRAGMENTS_PER_CALL = 100  # a call takes 1000, but costs a point each of the 500 a second that all readers share
_CHUNK_BYTES = 64 * 1024
_ROUNDS = 4
_INTERNAL_ERROR_ID = 5000
_GONE = frozenset({"ResourceNotFoundException", "NoDataRetentionException"})


class KvsFragmentArchive:
    """What KVS leaves out of an answer, or answers with an error tag inside the body, is asked for again. A fragment
    that is no Matroska ends the reading of an answer: it is told of, and those behind it are asked for without it."""

    def __init__(self, clients: ArchivedMediaClients, *, sleep: Callable[[float], None]) -> None:
        self._clients = clients
        self._sleep = sleep

    def fetch(self, stream_name: str, fragment_numbers: Sequence[str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        """A fragment counts as unavailable only after four rounds: KVS indexes are eventually consistent."""
        for start in range(0, len(fragment_numbers), _FRAGMENTS_PER_CALL):
            yield from self._fetch_call(stream_name, fragment_numbers[start : start + _FRAGMENTS_PER_CALL])

    def _fetch_call(
        self, stream_name: str, fragment_numbers: Sequence[str]
    ) -> Iterator[FragmentMedia | FragmentUnavailable]:
        missing = dict.fromkeys(fragment_numbers, "KVS left it out of its answer")
        for delay_s in full_jitter_delays_s(_ROUNDS - 1):
            with suppress(MediaBusyError):
                yield from self._readable(stream_name, missing)
            if not missing:
                return
            self._sleep(delay_s)
        yield from self._readable(stream_name, missing)
        yield from (FragmentUnavailable(number, reason) for number, reason in missing.items())

    def _readable(self, stream_name: str, missing: dict[str, str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        """A round; each fragment that can't be read is told of, once, and the round begun again without it."""
        while missing:
            try:
                yield from self._round(stream_name, missing)
            except UnreadableMediaError as error:
                if missing.pop(error.fragment_number, None) is None:
                    raise MediaBusyError(f"fragments of {stream_name}: {error}, which nobody asked for") from error
                yield FragmentUnavailable(error.fragment_number, str(error))
            else:
                return

    def _round(self, stream_name: str, missing: dict[str, str]) -> Iterator[FragmentMedia]:
        """Yields what comes and takes it from `missing`, where the reasons for the rest are noted."""
        for item in self._ask(stream_name, list(missing)):
            if item.fragment_number not in missing:
                continue
            if isinstance(item, FragmentMedia):
                del missing[item.fragment_number]
                yield item
            else:
                missing[item.fragment_number] = item.reason

    def _ask(self, stream_name: str, numbers: list[str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
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
            # A refused call (permissions, key) is mended by people while the records wait in the results stream.
            raise translate(error, what, passing=MediaBusyError, lasting=MediaBusyError) from error
        except MkvError as error:
            if reader.number is not None and not isinstance(error, TruncatedMkvError):
                raise UnreadableMediaError(f"it can't be read: {error}", reader.number) from error
            raise MediaBusyError(f"{what}: the answer broke off or is no Matroska: {error}") from error


def _item(found: MediaFragment | MediaErrorNotice, stream_name: str) -> Iterator[FragmentMedia | FragmentUnavailable]:
    if isinstance(found, MediaErrorNotice):
        if found.error_id == _INTERNAL_ERROR_ID or found.fragment_number is None:
            raise MediaBusyError(f"fragments of {stream_name}: {found.code} {found.message}")
        yield FragmentUnavailable(found.fragment_number, f"{found.code} {found.message}".strip())
    elif found.number is not None:
        yield FragmentMedia(found.number, found.raw)
