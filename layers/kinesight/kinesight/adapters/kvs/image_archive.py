"""ImageArchive and FragmentIndex on KVS's archived media: GetImages and ListFragments."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, translate
from kinesight.adapters.aws.kvs_data_clients import ArchivedMediaClients
from kinesight.adapters.aws.retries import retry
from kinesight.domain.errors import (
    KinesightError,
    MediaBusyError,
    NoRetentionError,
    StreamGoneError,
    StreamRefusedError,
)
from kinesight.domain.health.facts import Fragment
from kinesight.domain.model import from_epoch_ms, to_epoch_ms
from kinesight.domain.on_demand.windows import PAGE
from kinesight.domain.ports import FragmentSpan, ImageRequest, ImageSpec, SlotImage

if TYPE_CHECKING:
    from mypy_boto3_kinesisvideo.literals import APINameType

_ATTEMPTS = 6
_LIST_PAGE = 1000
_PERMANENT: Final[dict[str, type[KinesightError]]] = {
    "ResourceNotFoundException": StreamGoneError,
    "NoDataRetentionException": NoRetentionError,
}


class KvsArchive:
    """Fragments and images of any stream."""

    def __init__(self, clients: ArchivedMediaClients, *, sleep: Callable[[float], None]) -> None:
        self._clients = clients
        self._sleep = sleep

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        """Calls ListFragments per page. A page costs as many of the stream's points as its MaxResults."""
        clock = "ProducerTimestamp" if selector == "PRODUCER_TIMESTAMP" else "ServerTimestamp"
        for one in self._listed(stream_name, selector, start_ms, end_ms):
            yield FragmentSpan(one["FragmentNumber"], to_epoch_ms(one[clock]), one["FragmentLengthInMilliseconds"])

    def recorded(self, stream_name: str, start_ms: int, end_ms: int) -> Iterator[Fragment]:
        """Calls ListFragments with server timestamps."""
        for one in self._listed(stream_name, "SERVER_TIMESTAMP", start_ms, end_ms):
            yield Fragment(
                number=one["FragmentNumber"],
                producer_ms=to_epoch_ms(one["ProducerTimestamp"]),
                server_ms=to_epoch_ms(one["ServerTimestamp"]),
                length_ms=one["FragmentLengthInMilliseconds"],
            )

    def _listed(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[Any]:
        times = {"StartTimestamp": from_epoch_ms(start_ms), "EndTimestamp": from_epoch_ms(end_ms)}
        call: dict[str, Any] = {
            "StreamName": stream_name,
            "FragmentSelector": {"FragmentSelectorType": selector, "TimestampRange": times},
            "MaxResults": _LIST_PAGE,
        }
        for page in self._pages(stream_name, "LIST_FRAGMENTS", "list_fragments", call):
            yield from page["Fragments"]

    def get_images(self, stream_name: str, request: ImageRequest, spec: ImageSpec) -> Iterator[SlotImage]:
        """Calls GetImages per page. KVS reports an image's error in a response with status 200."""
        call: dict[str, Any] = {
            "StreamName": stream_name,
            "ImageSelectorType": spec.selector,
            "StartTimestamp": from_epoch_ms(request.start_ms),
            "EndTimestamp": from_epoch_ms(request.end_ms),
            "SamplingInterval": request.interval_ms,
            "Format": spec.format,
            # A call costs MaxResults points, so request no more than the range can contain.
            "MaxResults": min(PAGE, (request.end_ms - request.start_ms) // request.interval_ms + 1),
        }
        if spec.width is not None and spec.height is not None:
            call |= {"WidthPixels": spec.width, "HeightPixels": spec.height}
        if spec.jpeg_quality is not None:
            call["FormatConfig"] = {"JPEGQuality": str(spec.jpeg_quality)}
        for page in self._pages(stream_name, "GET_IMAGES", "get_images", call):
            for one in page["Images"]:
                content = one.get("ImageContent")
                data = b64decode(content) if content else None
                yield SlotImage(to_epoch_ms(one["TimeStamp"]), data, one.get("Error", "" if data else "EMPTY"))

    def _pages(self, stream_name: str, api: APINameType, method: str, request: dict[str, Any]) -> Iterator[Any]:
        token: str | None = None
        while True:
            page = self._page(stream_name, api, method, request if token is None else request | {"NextToken": token})
            yield page
            token = page.get("NextToken")
            if not token:
                return

    def _page(self, stream_name: str, api: APINameType, method: str, request: dict[str, Any]) -> Any:
        """Retries with full jitter, because botocore does not retry KVS's throttling error."""
        try:
            return retry(
                lambda: getattr(self._clients.client(stream_name, api), method)(**request),
                attempts=_ATTEMPTS,
                sleep=self._sleep,
                failed=lambda: self._clients.forget(stream_name, api),
            )
        except AWS_ERRORS as error:
            raise _translated(error, f"{method} of {stream_name}") from error


def _translated(error: Exception, what: str) -> KinesightError:
    permanent = (
        _PERMANENT.get(error_code(error), StreamRefusedError) if isinstance(error, ClientError) else MediaBusyError
    )
    return translate(error, what, transient=MediaBusyError, permanent=permanent)
