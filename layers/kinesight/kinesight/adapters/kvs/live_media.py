"""LiveMedia on KVS: streams GetMedia."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, translate
from kinesight.adapters.aws.kvs_data_clients import MediaClients
from kinesight.domain.errors import (
    EvidenceGoneError,
    KinesightError,
    MediaBusyError,
    StreamGoneError,
    UnreadableMediaError,
)
from kinesight.domain.live.ports import LiveStart
from kinesight.domain.model import from_epoch_ms
from kinesight.media.fragments import FragmentReader, MediaErrorNotice, MediaFragment, read_fragments
from kinesight.media.mkv import MkvError, TruncatedMkvError

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_kinesis_video_media.type_defs import StartSelectorTypeDef

_API: Final = "GET_MEDIA"
_CHUNK_BYTES = 64 * 1024
_FRAGMENT_NOT_FOUND = 4000
_STREAM_NOT_FOUND = 4506


class KvsLiveMedia:
    """Opens one connection per call."""

    def __init__(self, clients: MediaClients) -> None:
        self._clients = clients

    def read(self, stream_name: str, start: LiveStart) -> Iterator[MediaFragment | MediaErrorNotice]:
        """Ends normally if the connection breaks within a fragment; the next call returns that fragment."""
        try:
            response = self._clients.client(stream_name, _API).get_media(
                StreamName=stream_name, StartSelector=_selector(start)
            )
            body = response["Payload"]
        except AWS_ERRORS as error:
            self._clients.forget(stream_name, _API)
            if isinstance(error, ClientError) and error_code(error) == "ResourceNotFoundException":
                raise StreamGoneError(f"GetMedia of {stream_name}: {error}") from error
            what = f"GetMedia of {stream_name}"
            raise translate(error, what, transient=MediaBusyError, permanent=MediaBusyError) from error
        reader = FragmentReader()
        try:
            for item in read_fragments(_chunks(body), reader):
                yield _checked(stream_name, item)
        except (HTTPError, OSError) as error:
            raise MediaBusyError(f"GetMedia of {stream_name}: {error}") from error
        except MkvError as error:
            raise _unreadable(error, f"GetMedia of {stream_name}", reader.number) from error
        finally:
            body.close()


def _chunks(body: StreamingBody) -> Iterator[bytes]:
    """Yields each HTTP chunk on arrival. StreamingBody.read() blocks until its buffer is full, which can delay the end
    of a fragment by seconds."""
    raw: Any = body._raw_stream  # type: ignore[attr-defined]  # no public access
    return cast(Iterator[bytes], raw.stream(_CHUNK_BYTES))


def _unreadable(error: MkvError, what: str, number: str | None) -> KinesightError:
    """A truncated response is transient; a fragment that is not valid Matroska is permanent."""
    message = f"{what}: {type(error).__name__}: {error}"
    if number is None or isinstance(error, TruncatedMkvError):
        return MediaBusyError(message)
    return UnreadableMediaError(f"{message}, in fragment {number}", number)


def _checked(stream_name: str, item: MediaFragment | MediaErrorNotice) -> MediaFragment | MediaErrorNotice:
    if isinstance(item, MediaErrorNotice) and item.error_id == _FRAGMENT_NOT_FOUND:
        raise EvidenceGoneError(f"{stream_name}: the fragment to start after no longer exists")
    if isinstance(item, MediaErrorNotice) and item.error_id == _STREAM_NOT_FOUND:
        raise StreamGoneError(f"{stream_name}: the stream does not exist")
    return item


def _selector(start: LiveStart) -> StartSelectorTypeDef:
    if start.after_fragment is not None:
        return {"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": start.after_fragment}
    return {"StartSelectorType": "SERVER_TIMESTAMP", "StartTimestamp": from_epoch_ms(start.since_ms)}
