"""Fragments as consumers get them: a Matroska document each, with KVS's own tags; and errors told inside the body."""

from collections.abc import Iterator

from kinesight.media import mkv_write as write
from kinesight.media.mkv import Tag

from kinesight_local.kvs.store import FragmentStore, StoredFragment

KVS = "AWS_KINESISVIDEO_"
FRAGMENT_NOT_FOUND = 4000


class FragmentGoneError(Exception):
    """Retention passed between looking the fragment up and reading it."""


def document(store: FragmentStore, stored: StoredFragment, *, readable: bool = True) -> Iterator[bytes]:
    """Header with KVS's tags, cluster, the producer's tags. Raises FragmentGoneError before the first piece.

    What is not `readable` has zeros in the place of its cluster's elements.

    Tags are named as AWS's parser library reads them; the API reference writes …_SIDE_TIMESTAMP for archived media.
    """
    try:
        header, cluster, trailer = store.parts(stored)
    except FileNotFoundError as error:
        raise FragmentGoneError(stored.number) from error
    told = [
        Tag(f"{KVS}FRAGMENT_NUMBER", stored.number),
        Tag(f"{KVS}SERVER_TIMESTAMP", _seconds(stored.server_ms)),
        Tag(f"{KVS}PRODUCER_TIMESTAMP", _seconds(stored.producer_ms)),
    ]
    yield header + write.tags(told)
    yield cluster if readable else zeroed(cluster)
    yield trailer


def zeroed(cluster: bytes) -> bytes:
    """A Cluster whose id and size are right, and nothing else is."""
    size_bytes = 9 - cluster[4].bit_length()  # the leading zeros of its first byte tell (RFC 8794, section 4)
    return cluster[: 4 + size_bytes].ljust(len(cluster), b"\0")


def position(stored: StoredFragment, behind_ms: int) -> bytes:
    """What GetMedia tells after a fragment: where its reader stands in the stream."""
    return write.tags(
        [
            Tag(f"{KVS}MILLIS_BEHIND_NOW", str(behind_ms)),
            Tag(f"{KVS}CONTINUATION_TOKEN", stored.number),
        ]
    )


def get_media_error(error_id: int, code: str) -> bytes:
    """A document without media (API_dataplane_GetMedia, "Errors in the response")."""
    return _empty([Tag(f"{KVS}ERROR_CODE", code), Tag(f"{KVS}ERROR_ID", str(error_id))])


def missing_fragment(number: str) -> bytes:
    """A document without media (API_reader_GetMediaForFragmentList)."""
    return _empty(
        [
            Tag(f"{KVS}FRAGMENT_NUMBER", number),
            Tag(f"{KVS}EXCEPTION_ERROR_CODE", str(FRAGMENT_NOT_FOUND)),
            Tag(f"{KVS}EXCEPTION_MESSAGE", "The fragment is not found or has expired."),
        ]
    )


def _empty(told: list[Tag]) -> bytes:
    return write.ebml_header() + write.segment_start() + write.info() + write.tags(told)


def _seconds(epoch_ms: int) -> str:
    return f"{epoch_ms // 1000}.{epoch_ms % 1000:03d}"
