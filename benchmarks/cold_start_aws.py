"""An account in the process of a measured function: every HTTP request of botocore gets a response at once."""

import io
import json
import time
from pathlib import Path
from typing import Any

_ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/front-door/1767268800000"
_BY_TARGET = {
    "PutRecords": {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "shardId-000000000000"}]},
    "DetectLabels": {"Labels": [{"Name": "Person", "Confidence": 99.0, "Instances": []}]},
    "Query": {"Items": []},
    "Scan": {"Items": []},
    "SendMessage": {"MessageId": "00000000-0000-0000-0000-000000000000", "MD5OfMessageBody": "0" * 32},
}
_BY_PATH = {
    "/getDataEndpoint": {"DataEndpoint": "https://data.example.com"},
    "/getImages": {"Images": []},
    "/listFragments": {"Fragments": []},
    "/listStreams": {"StreamInfoList": []},
    "/describeStream": {
        "StreamInfo": {"StreamName": "front-door", "StreamARN": _ARN, "Status": "ACTIVE", "DataRetentionInHours": 24}
    },
}


class Context:
    """Lambda's, as far as handlers read it."""

    function_name = "measured"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:measured"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, verb: str) -> None:
        # A consumer of live video returns only when its time is up.
        self._remaining_ms = 100 if verb == "consume_live" else 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


def prepare(event_file: str) -> Any:
    """The event; from now on nothing leaves the process."""
    from botocore.awsrequest import AWSResponse
    from botocore.httpsession import URLLib3Session

    def send(_: Any, request: Any) -> AWSResponse:
        status, body = _response(request)
        raw = io.BytesIO(body)
        raw.stream = lambda *_args, **_options: iter([body])  # type: ignore[attr-defined]
        return AWSResponse(request.url, status, {"Content-Length": str(len(body))}, raw)

    URLLib3Session.send = send  # type: ignore[method-assign]
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds, 0.01))
    return json.loads(Path(event_file).read_text())


def _response(request: Any) -> tuple[int, bytes]:
    target = request.headers.get("X-Amz-Target", b"")
    name = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
    if name:
        return 200, json.dumps(_BY_TARGET.get(name, {})).encode()
    path = "/" + request.url.split("/", 3)[-1].partition("?")[0]
    if path in _BY_PATH:
        return 200, json.dumps(_BY_PATH[path]).encode()
    if request.method in ("GET", "HEAD") and ".s3." in request.url:
        return 404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
    return 200, b""
