"""Notifications to SNS, and backpressure while delivery is slow."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from kinesight_local.kvs.delivery.worker import MAX_WAITING
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, eventually, put_clip, reset_moto, stored
from tests.media import NOTIFICATION, a_clip, clusters, event_tags, producer_header

CLIP = a_clip(1, fps=2)


def configure(kinesis_video: Any, topic: str, status: str = "ENABLED") -> None:
    kinesis_video.update_notification_configuration(
        StreamName="cam", NotificationConfiguration={"Status": status, "DestinationConfig": {"Uri": topic}}
    )


@pytest.fixture(autouse=True)
def stream(kinesis_video: Any) -> str:
    arn: str = kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)["StreamARN"]
    return arn


@pytest.fixture
def topic(moto: str) -> str:
    reset_moto(moto)
    arn: str = boto3.client("sns").create_topic(Name="notices")["TopicArn"]
    return arn


def test_tagged_fragments_are_notified(
    topic: str, kvs: KvsServer, stream: str, kinesis_video: Any, archived_media: Any
) -> None:
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    configure(kinesis_video, topic)
    put_clip(kvs, CLIP, event_tags(NOTIFICATION, why="door"))
    eventually(lambda: kvs.service.statistics("cam")["notifications_published"] == 1)

    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    (fragment,) = stored(archived_media)
    assert envelope["Subject"] == "Kinesis Video Streams Notification"
    assert json.loads(envelope["Message"]) == {
        "StreamArn": stream,
        "FragmentNumber": fragment["FragmentNumber"],
        "FragmentStartProducerTimestamp": NOON_MS,
        "FragmentStartServerTimestamp": round(1000 * fragment["ServerTimestamp"].timestamp()),
        "NotificationType": "PERSISTED",
        "NotificationPayload": {"why": "door"},
    }


@pytest.mark.parametrize(("status", "tags"), [("DISABLED", event_tags(NOTIFICATION)), ("ENABLED", event_tags(a="b"))])
def test_without_tag_or_settings_nothing_is_notified(
    topic: str, kvs: KvsServer, kinesis_video: Any, status: str, tags: bytes
) -> None:
    configure(kinesis_video, topic, status)
    put_clip(kvs, CLIP, tags)

    counters = kvs.service.statistics("cam")
    assert (counters["pending"], counters["notifications_published"]) == (0, 0)


def test_a_missing_topic_is_counted_as_a_failure(topic: str, kvs: KvsServer, kinesis_video: Any) -> None:
    configure(kinesis_video, f"{topic}-missing")
    put_clip(kvs, CLIP, event_tags(NOTIFICATION))
    eventually(lambda: kvs.service.statistics("cam")["pending"] == 0)

    assert kvs.service.statistics("cam")["notification_failures"] == 1


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """An SNS that responds only once the gate is open."""
    gate = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            gate.wait(timeout=30)
            response = b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", f"http://127.0.0.1:{server.server_port}")
    yield gate
    gate.set()
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def test_slow_delivery_slows_down_only_its_producer(gate: threading.Event, kvs: KvsServer, kinesis_video: Any) -> None:
    configure(kinesis_video, "arn:aws:sns:us-east-1:123456789012:slow")
    fragments = MAX_WAITING + 10
    producer = Producer(kvs)
    producer.send(producer_header(CLIP))
    for index in range(fragments):
        producer.send(clusters(CLIP, NOON_MS + 1000 * index)[0][1] + event_tags(NOTIFICATION))
    producer.end()

    eventually(lambda: kvs.service.statistics("cam")["pending"] == MAX_WAITING)
    for _ in range(MAX_WAITING):
        assert producer.until("PERSISTED")
    assert kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["Status"] == "ACTIVE"
    other = kinesis_video.create_stream(StreamName="other", DataRetentionInHours=1)["StreamARN"]
    assert other
    assert kvs.service.statistics("cam")["fragments_persisted"] == MAX_WAITING

    gate.set()
    assert [one["EventType"] for one in producer.acknowledgements()].count("PERSISTED") == fragments - MAX_WAITING
    eventually(lambda: kvs.service.statistics("cam")["notifications_published"] == fragments)
