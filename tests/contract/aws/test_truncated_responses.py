"""Answers that end too early, from a server that is cut off, by the clients that functions use."""

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.aws.errors import AWS_ERRORS, TRUNCATED, error_code, is_retryable, is_timeout

ITEM = {"Item": {"id": {"S": "one"}}}
WHOLE = -1


@dataclass
class Cutter:
    """Sends the first bytes of its body, one number of bytes for each call; the last number applies from then on."""

    body: bytes = b"{}"
    cuts: list[int] = field(default_factory=lambda: [WHOLE])
    calls: int = 0

    def next(self) -> bytes:
        cut = self.cuts[min(self.calls, len(self.cuts) - 1)]
        self.calls += 1
        return self.body if cut == WHOLE else self.body[:cut]


@pytest.fixture
def cutter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cutter]:
    cutter = Cutter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Length", str(len(cutter.body)))
            self.send_header("x-amz-crc32", str(zlib.crc32(cutter.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(cutter.next())
            self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815 - the names that http.server calls

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    _forget_clients()
    yield cutter
    _forget_clients()
    server.shutdown()
    server.server_close()


def _forget_clients() -> None:
    for made in vars(aws_clients).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()


@pytest.mark.parametrize("cut", [0, 1, 10])
def test_truncated_calls_are_retried(cutter: Cutter, cut: int) -> None:
    cutter.body, cutter.cuts = json.dumps(ITEM).encode(), [cut, cut, WHOLE]

    assert aws_clients.dynamodb().get_item(TableName="t", Key={})["Item"] == ITEM["Item"]
    assert cutter.calls == 3


def test_responses_that_stay_truncated_raise_a_retryable_error(cutter: Cutter) -> None:
    cutter.body, cutter.cuts = json.dumps(ITEM).encode(), [10]

    with pytest.raises(ClientError, match=f"{TRUNCATED}.*ended after 10 of {len(cutter.body)} bytes") as caught:
        aws_clients.dynamodb_once().get_item(TableName="t", Key={})

    assert (error_code(caught.value), is_retryable(caught.value), cutter.calls) == (TRUNCATED, True, 1)


def test_billable_calls_are_not_retried(cutter: Cutter) -> None:
    cutter.body, cutter.cuts = b'{"Labels": []}', [5, WHOLE]

    with pytest.raises(ClientError) as caught:
        aws_clients.rekognition().detect_labels(Image={"Bytes": b"image"})

    assert (is_timeout(caught.value), cutter.calls) == (True, 1)


def test_a_head_has_a_length_and_no_body(cutter: Cutter) -> None:
    cutter.body = b"x" * 1000

    assert aws_clients.s3().head_object(Bucket="b", Key="k")["ContentLength"] == 1000


CALLS: dict[str, Callable[[], Any]] = {
    "s3": lambda: aws_clients.s3().list_objects_v2(Bucket="b"),
    "sqs": lambda: aws_clients.sqs().send_message(QueueUrl="http://q", MessageBody="m"),
    "sns": lambda: aws_clients.sns().publish(TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="m"),
    "step functions": lambda: aws_clients.step_functions().describe_execution(
        executionArn="arn:aws:states:us-east-1:123456789012:execution:a:b"
    ),
    "kinesis": lambda: aws_clients.kinesis().put_records(StreamName="s", Records=[{"Data": b"d", "PartitionKey": "p"}]),
    "events": lambda: aws_clients.events().put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}]),
    "secrets manager": lambda: aws_clients.secrets_manager().get_secret_value(SecretId="s"),
    "rekognition": lambda: aws_clients.rekognition().detect_faces(Image={"Bytes": b"image"}),
    "bedrock": lambda: aws_clients.bedrock_runtime(1000).converse(modelId="m", messages=[]),
    "kinesis video": lambda: aws_clients.kinesis_video().describe_stream(StreamName="s"),
    "lambda": lambda: aws_clients.lambda_().list_functions(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_client_accepts_a_truncated_response(
    cutter: Cutter, call: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    cutter.body, cutter.cuts = base64.b64encode(bytes(100)), [10]

    with pytest.raises(AWS_ERRORS) as caught:
        call()

    assert is_retryable(caught.value)
