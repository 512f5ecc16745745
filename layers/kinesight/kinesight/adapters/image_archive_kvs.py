"""ImageArchive, FragmentIndex and StreamCatalog on KVS: GetImages, ListFragments, DescribeStream.

botocore does not retry KVS's throttling error, so these do, with full jitter.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, is_retryable, translate
from kinesight.adapters.backoff import full_jitter_delays_s
from kinesight.adapters.data_endpoints_kvs import ArchivedMediaClients
from kinesight.domain.errors import (
    KinesightError,
    MediaBusyError,
    NoRetentionError,
    StreamGoneError,
    StreamRefusedError,
    ThrottledError,
)
from kinesight.domain.health.facts import Fragment
from kinesight.domain.model import from_epoch_ms, to_epoch_ms
from kinesight.domain.on_demand.windows import PAGE
from kinesight.domain.ports import FragmentSpan, ImageRequest, ImageSpec, SlotImage, StreamFacts

if TYPE_CHECKING:
    from mypy_boto3_kinesisvideo import KinesisVideoClient
    from mypy_boto3_kinesisvideo.literals import APINameType

_ATTEMPTS = 6
_LIST_PAGE = 1000
_LASTING: Final[dict[str, type[KinesightError]]] = {
    "ResourceNotFoundException": StreamGoneError,
    "NoDataRetentionException": NoRetentionError,
}


class KvsArchive:
    """Everything that the on-demand workflow asks KVS."""

    def __init__(
        self, control: KinesisVideoClient, clients: ArchivedMediaClients, *, sleep: Callable[[float], None]
    ) -> None:
        self._control = control
        self._clients = clients
        self._sleep = sleep

    def describe(self, name_or_arn: str) -> StreamFacts:
        """One DescribeStream."""
        named = {"StreamARN" if name_or_arn.startswith("arn:") else "StreamName": name_or_arn}
        what = f"describe {name_or_arn}"
        info = self._patiently(what, lambda: self._control.describe_stream(**named)["StreamInfo"], busy=ThrottledError)
        return StreamFacts(info["StreamName"], info["StreamARN"], info["DataRetentionInHours"])

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        """ListFragments, page by page; a page costs as many of the stream's points as it may hold."""
        clock = "ProducerTimestamp" if selector == "PRODUCER_TIMESTAMP" else "ServerTimestamp"
        for one in self._listed(stream_name, selector, start_ms, end_ms):
            yield FragmentSpan(one["FragmentNumber"], to_epoch_ms(one[clock]), one["FragmentLengthInMilliseconds"])

    def recorded(self, stream_name: str, start_ms: int, end_ms: int) -> Iterator[Fragment]:
        """ListFragments, by the server's clock."""
        for one in self._listed(stream_name, "SERVER_TIMESTAMP", start_ms, end_ms):
            yield Fragment(
                number=one["FragmentNumber"],
                producer_ms=to_epoch_ms(one["ProducerTimestamp"]),
                server_ms=to_epoch_ms(one["ServerTimestamp"]),
                length_ms=one["FragmentLengthInMilliseconds"],
            )

    def _listed(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[Any]:
        times = {"StartTimestamp": from_epoch_ms(start_ms), "EndTimestamp": from_epoch_ms(end_ms)}
        wanted: dict[str, Any] = {
            "StreamName": stream_name,
            "FragmentSelector": {"FragmentSelectorType": selector, "TimestampRange": times},
            "MaxResults": _LIST_PAGE,
        }
        for page in self._pages(stream_name, "LIST_FRAGMENTS", "list_fragments", wanted):
            yield from page["Fragments"]

    def images(self, stream_name: str, request: ImageRequest, wish: ImageSpec) -> Iterator[SlotImage]:
        """GetImages, every page; a picture's error comes under HTTP 200."""
        wanted: dict[str, Any] = {
            "StreamName": stream_name,
            "ImageSelectorType": wish.selector,
            "StartTimestamp": from_epoch_ms(request.start_ms),
            "EndTimestamp": from_epoch_ms(request.end_ms),
            "SamplingInterval": request.interval_ms,
            "Format": wish.format,
            # A call costs a point for every picture it may answer with, so it asks for no more than it wants.
            "MaxResults": min(PAGE, (request.end_ms - request.start_ms) // request.interval_ms + 1),
        }
        if wish.width is not None and wish.height is not None:
            wanted |= {"WidthPixels": wish.width, "HeightPixels": wish.height}
        for page in self._pages(stream_name, "GET_IMAGES", "get_images", wanted):
            for one in page["Images"]:
                content = one.get("ImageContent")
                data = b64decode(content) if content else None
                yield SlotImage(to_epoch_ms(one["TimeStamp"]), data, one.get("Error", "" if data else "EMPTY"))

    def _pages(self, stream_name: str, api: APINameType, method: str, wanted: dict[str, Any]) -> Iterator[Any]:
        token: str | None = None
        while True:
            asked = wanted if token is None else wanted | {"NextToken": token}
            page = self._patiently(
                f"{method} of {stream_name}",
                lambda asked=asked: getattr(self._clients.client(stream_name, api), method)(**asked),  # type: ignore[misc]
                failed=lambda: self._clients.forget(stream_name, api),
            )
            yield page
            token = page.get("NextToken")
            if not token:
                return

    def _patiently(
        self,
        what: str,
        call: Callable[[], Any],
        *,
        failed: Callable[[], None] = lambda: None,
        busy: type[KinesightError] = MediaBusyError,
    ) -> Any:
        delays_s = iter(full_jitter_delays_s(_ATTEMPTS - 1))
        while True:
            try:
                return call()
            except AWS_ERRORS as error:
                failed()
                delay_s = next(delays_s, None) if is_retryable(error) else None
                if delay_s is None:
                    raise _translated(error, what, busy) from error
                self._sleep(delay_s)


def _translated(error: Exception, what: str, busy: type[KinesightError]) -> KinesightError:
    lasting = _LASTING.get(error_code(error), StreamRefusedError) if isinstance(error, ClientError) else busy
    return translate(error, what, passing=busy, lasting=lasting)
