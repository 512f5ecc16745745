"""Times of requests leave every KVS client with their milliseconds.

botocore up to 1.43.90 cuts them to seconds (boto/botocore pull request 3796): planned moments and the images of a range
that starts between two seconds then do not match.
"""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from kinesight.adapters.aws import clients

START, END = 1767225600.512, 1767225601.007
MOMENTS = [datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=round(1000 * one)) for one in (START, END)]
RANGE = {"StartTimestamp": MOMENTS[0], "EndTimestamp": MOMENTS[1]}
SELECTOR = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": RANGE}
IMAGES = {**RANGE, "ImageSelectorType": "PRODUCER_TIMESTAMP", "Format": "JPEG"}
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "GET_IMAGES": ("get_images", IMAGES),
    "LIST_FRAGMENTS": ("list_fragments", {"FragmentSelector": SELECTOR}),
    "GET_CLIP": ("get_clip", {"ClipFragmentSelector": SELECTOR}),
    "GET_HLS_STREAMING_SESSION_URL": (
        "get_hls_streaming_session_url",
        {"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": SELECTOR},
    ),
    "GET_MEDIA": (
        "get_media",
        {"StartSelector": {"StartSelectorType": "PRODUCER_TIMESTAMP", "StartTimestamp": MOMENTS[0]}},
    ),
}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Bodies of the requests of this process, which get a response at once."""
    bodies: list[Any] = []

    def send(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        body: Any = request.body or b"{}"
        bodies.append(json.loads(body if isinstance(body, (bytes, bytearray, str)) else body.read()))
        return AWSResponse(request.url, 200, HTTPHeaders(), _Raw(b'{"DataEndpoint": "https://data.example.com"}'))

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sample")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sample")
    monkeypatch.setattr(URLLib3Session, "send", send)
    monkeypatch.setattr(clients, "kinesis_video", clients.kinesis_video.__wrapped__)
    return bodies


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


def times(node: Any) -> list[float]:
    if isinstance(node, dict):
        return [time for one in node.values() for time in times(one)]
    return [node] if isinstance(node, (int, float)) else []


@pytest.mark.parametrize("api", REQUESTS)
def test_times_leave_with_their_milliseconds(api: Any, sent: list[Any]) -> None:
    operation, parameters = REQUESTS[api]
    data = clients.media if api == "GET_MEDIA" else clients.archived_media
    client: Any = data.__wrapped__().client("front-door", api)
    getattr(client, operation)(StreamName="front-door", **parameters)
    expected = [START] if api == "GET_MEDIA" else [START, END]
    assert times(sent[-1]) == pytest.approx(expected, abs=0.0001)
