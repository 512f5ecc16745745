"""Fragments as consumers get them: one Matroska document each, with KVS's tags; and errors within the body."""

from collections.abc import Iterator

from kinesight.media import mkv_write as write
from kinesight.media.mkv import Tag

from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.stored_fragment import StoredFragment
from kinesight_local.kvs.storage.stored_media import FragmentExpiredError

KVS = "AWS_KINESISVIDEO_"
FRAGMENT_NOT_FOUND = 4000


def document(fragments: FragmentReader, stored: StoredFragment, *, readable: bool = True) -> Iterator[bytes]:
    """The header with KVS's tags, the cluster, the producer's tags. Raises FragmentExpiredError before the first piece.

    Unless `readable`, the elements of the cluster are overwritten with zeros.

    Tag names are those of AWS's parser library; the API reference writes …_SIDE_TIMESTAMP for archived media.
    """
    try:
        header, cluster, trailer = fragments.parts(stored)
    except FileNotFoundError as error:
        raise FragmentExpiredError(stored.number) from error
    tags = [
        Tag(f"{KVS}FRAGMENT_NUMBER", stored.number),
        Tag(f"{KVS}SERVER_TIMESTAMP", _seconds(stored.server_ms)),
        Tag(f"{KVS}PRODUCER_TIMESTAMP", _seconds(stored.producer_ms)),
    ]
    yield header + write.tags(tags)
    yield cluster if readable else zeroed(cluster)
    yield trailer


def zeroed(cluster: bytes) -> bytes:
    """A Cluster with valid id and size, and zeros as content."""
    size_bytes = 9 - cluster[4].bit_length()  # the leading zeros of its first byte (RFC 8794, section 4)
    return cluster[: 4 + size_bytes].ljust(len(cluster), b"\0")


def position(stored: StoredFragment, behind_ms: int) -> bytes:
    """Tags that GetMedia sends after a fragment: the reader's position in the stream."""
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


def _empty(tags: list[Tag]) -> bytes:
    return write.ebml_header() + write.segment_start() + write.info() + write.tags(tags)


def _seconds(epoch_ms: int) -> str:
    return f"{epoch_ms // 1000}.{epoch_ms % 1000:03d}"
