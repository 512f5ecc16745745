"""PutMedia and what comes back, over real sockets with real H.264."""

import http.client
import json
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import av
import boto3
import pytest
from kinesight.media import mkv_write as write
from kinesight.media.fragments import MediaErrorNotice, MediaFragment, read_fragments
from kinesight.media.mkv import Tag
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.media import END_OF_FRAGMENT, IMAGE, NOTIFICATION, Clip, a_clip, clusters, event_tags, producer_header

CLIP = a_clip(3)


class Producer:
    """One PutMedia connection: chunks out, acknowledgements in, at the same time."""

    def __init__(self, server: KvsServer, stream: str, kind: str = "ABSOLUTE", start: str = "0.0") -> None:
        address = urlsplit(server.url)
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        self.connection.putrequest("POST", "/putMedia")
        for name, value in {
            "x-amzn-stream-name": stream,
            "x-amzn-fragment-timecode-type": kind,
            "x-amzn-producer-start-timestamp": start,
            "Transfer-Encoding": "chunked",
            "Expect": "100-continue",
        }.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()
        self.response: http.client.HTTPResponse | None = None

    def send(self, data: bytes) -> None:
        self.connection.send(b"%x\r\n" % len(data) + data + b"\r\n")

    def end(self) -> None:
        self.connection.send(b"0\r\n\r\n")

    def acknowledgement(self) -> dict[str, Any]:
        self.response = self.response or self.connection.getresponse()
        answer: dict[str, Any] = json.loads(self.response.readline())
        return answer

    def acknowledgements(self) -> list[dict[str, Any]]:
        self.response = self.response or self.connection.getresponse()
        return [json.loads(line) for line in self.response.read().splitlines() if line.strip()]


def stored(archived_media: Any, stream: str = "cam") -> list[dict[str, Any]]:
    found = archived_media.list_fragments(
        StreamName=stream,
        FragmentSelector={
            "FragmentSelectorType": "PRODUCER_TIMESTAMP",
            "TimestampRange": {"StartTimestamp": 0, "EndTimestamp": 4_000_000_000},
        },
    )["Fragments"]
    return sorted(found, key=lambda one: str(one["FragmentNumber"]))


def fetch(archived_media: Any, *numbers: str, stream: str = "cam") -> list[MediaFragment | MediaErrorNotice]:
    answer = archived_media.get_media_for_fragment_list(StreamName=stream, Fragments=list(numbers))
    return list(read_fragments(answer["Payload"].iter_chunks(1000)))


def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def stream(kinesis_video: Any) -> str:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)
    return "cam"


def put_clip(kvs: KvsServer, clip: Clip, tags: bytes = b"", start_ms: int = NOON_MS) -> list[dict[str, Any]]:
    producer = Producer(kvs, "cam")
    producer.send(producer_header(clip))
    for _, cluster in clusters(clip, start_ms):
        producer.send(cluster + tags)
    producer.end()
    return producer.acknowledgements()


def test_acknowledgements_come_while_the_request_goes_on(kvs: KvsServer, stream: str) -> None:
    (first_at, first), (second_at, second), _ = clusters(CLIP, NOON_MS)
    producer = Producer(kvs, stream)
    producer.send(producer_header(CLIP) + first)

    assert producer.acknowledgement() == {"EventType": "BUFFERING", "FragmentTimecode": first_at}

    producer.send(second)
    kinds = [producer.acknowledgement() for _ in range(3)]
    assert [(one["EventType"], one["FragmentTimecode"]) for one in kinds] == [
        ("RECEIVED", first_at),
        ("PERSISTED", first_at),
        ("BUFFERING", second_at),
    ]
    assert len(kinds[0]["FragmentNumber"]) == 47

    producer.send(event_tags(END_OF_FRAGMENT))
    assert [producer.acknowledgement()["EventType"] for _ in range(2)] == ["RECEIVED", "PERSISTED"]
    producer.end()
    assert producer.acknowledgements() == []


def test_what_is_put_comes_back_frame_by_frame(kvs: KvsServer, stream: str, archived_media: Any) -> None:
    put_clip(kvs, CLIP)

    listed = stored(archived_media)
    found = fetch(archived_media, *(one["FragmentNumber"] for one in listed))

    assert [data for one in found if isinstance(one, MediaFragment) for data in (f.data for f in one.frames)] == [
        data for *_, data in CLIP.packets
    ]
    first = found[0]
    assert isinstance(first, MediaFragment)
    assert str(first.producer_timestamp) == f"{NOON_MS // 1000}.000"
    assert [one["FragmentLengthInMilliseconds"] for one in listed] == [1000, 1000, 1000]
    with av.open(BytesIO(first.raw), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 10


def test_tags_belong_to_the_cluster_before_them(kvs: KvsServer, stream: str, archived_media: Any) -> None:
    groups = clusters(CLIP, NOON_MS)
    producer = Producer(kvs, stream)
    producer.send(producer_header(CLIP) + event_tags(session="night"))
    for index, (_, cluster) in enumerate(groups):
        producer.send(cluster + event_tags(index=str(index)))
    producer.end()
    producer.acknowledgements()

    found = fetch(archived_media, *(one["FragmentNumber"] for one in stored(archived_media)))

    assert [one.tags for one in found if isinstance(one, MediaFragment)] == [{"index": str(n)} for n in range(3)]


def test_relative_timecodes_count_from_the_start_header(kvs: KvsServer, stream: str, archived_media: Any) -> None:
    producer = Producer(kvs, stream, "RELATIVE", f"{NOON_MS // 1000}.5")
    producer.send(producer_header(CLIP) + clusters(CLIP, 0)[0][1])
    producer.end()
    assert producer.acknowledgements()[-1]["FragmentTimecode"] == 0

    (one,) = stored(archived_media)
    assert round(one["ProducerTimestamp"].timestamp() * 1000) == NOON_MS + 5


def test_a_dropped_connection_drops_the_open_fragment(kvs: KvsServer, stream: str, archived_media: Any) -> None:
    (_, first), (_, second), _ = clusters(CLIP, NOON_MS)
    producer = Producer(kvs, stream)
    producer.send(producer_header(CLIP) + first + second)
    while producer.acknowledgement()["EventType"] != "PERSISTED":
        pass
    producer.connection.close()

    assert len(stored(archived_media)) == 1


@pytest.mark.parametrize(
    ("body", "error_id"),
    [
        (b"this is no Matroska", 4006),
        (producer_header(CLIP) + write.tracks([CLIP.track]), 4006),
        (producer_header(CLIP) + write.cluster(1, [write.simple_block(2, 0, True, b"x")]), 4010),
        (producer_header(CLIP) + write.cluster(1, []), 4011),
        (producer_header(CLIP) + clusters(CLIP, 5000)[0][1] + clusters(CLIP, 100)[0][1], 4004),
        (producer_header(CLIP) + write.cluster(1, [write.simple_block(1, 21_000, True, b"x")]), 4002),
        (producer_header(CLIP) + clusters(CLIP, 1)[0][1] + event_tags(*(f"t{n}" for n in range(11))), 4009),
        (producer_header(CLIP) + clusters(CLIP, 1)[0][1] + event_tags("AWS_MINE"), 4012),
        (producer_header(CLIP) + clusters(CLIP, 1)[0][1] + write.tags([Tag("n", "v" * 257)]), 4012),
        ((producer_header(CLIP) + clusters(CLIP, 1)[0][1])[:-10], 4000),
    ],
)
def test_what_the_service_refuses_ends_in_its_error(kvs: KvsServer, stream: str, body: bytes, error_id: int) -> None:
    producer = Producer(kvs, stream)
    producer.send(body)
    producer.end()

    last = producer.acknowledgements()[-1]

    assert (last["EventType"], last["ErrorId"]) == ("ERROR", error_id)


def test_a_stream_that_is_not_there_is_a_404(kvs: KvsServer) -> None:
    producer = Producer(kvs, "nobody")
    producer.end()

    response = producer.connection.getresponse()

    assert (response.status, response.headers["x-amzn-ErrorType"]) == (404, "ResourceNotFoundException")


def test_fragments_that_are_missing_are_told_inside_the_body(kvs: KvsServer, stream: str, archived_media: Any) -> None:
    put_clip(kvs, CLIP)
    number = stored(archived_media)[0]["FragmentNumber"]

    found = fetch(archived_media, "123", number)

    assert [type(one) for one in found] == [MediaErrorNotice, MediaFragment]
    assert isinstance(found[0], MediaErrorNotice)
    assert (found[0].fragment_number, found[0].error_id) == ("123", 4000)


def test_fragments_are_listed_in_pages(kvs: KvsServer, stream: str, archived_media: Any) -> None:
    put_clip(kvs, CLIP)
    pages = archived_media.get_paginator("list_fragments").paginate(
        StreamName=stream,
        FragmentSelector={
            "FragmentSelectorType": "SERVER_TIMESTAMP",
            "TimestampRange": {"StartTimestamp": 0, "EndTimestamp": 4_000_000_000},
        },
        PaginationConfig={"PageSize": 2},
    )

    assert len({one["FragmentNumber"] for page in pages for one in page["Fragments"]}) == 3


def test_pictures_come_from_tagged_fragments_alone(
    moto: str, kvs: KvsServer, stream: str, kinesis_video: Any, archived_media: Any
) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="pictures")
    kinesis_video.update_image_generation_configuration(
        StreamName=stream,
        ImageGenerationConfiguration={
            "Status": "ENABLED",
            "ImageSelectorType": "PRODUCER_TIMESTAMP",
            "DestinationConfig": {"Uri": "s3://pictures/images", "DestinationRegion": "us-east-1"},
            "SamplingInterval": 400,
            "Format": "JPEG",
            "WidthPixels": 160,
        },
    )
    producer = Producer(kvs, stream)
    producer.send(producer_header(CLIP))
    for index, (_, cluster) in enumerate(clusters(CLIP, NOON_MS)):
        producer.send(cluster + (event_tags(IMAGE, Place="Porch") if index != 1 else b""))
    producer.end()
    producer.acknowledgements()
    eventually(lambda: kvs.service.delivery.counters(stream)["pending"] == 0)

    keys = sorted(one["Key"] for one in s3.list_objects_v2(Bucket="pictures")["Contents"])

    offsets = [int(key.split("_")[2]) - NOON_MS for key in keys]
    assert offsets == [0, 400, 800, 2000, 2400, 2800]
    assert all(key.startswith("images/123456789012_cam_") for key in keys)
    head = s3.head_object(Bucket="pictures", Key=keys[3])
    assert head["ContentType"] == "image/jpeg"
    assert head["Metadata"]["place"] == "Porch"
    assert head["Metadata"]["aws_kinesisvideo_producer_timestamp"] == str(NOON_MS + 2000)
    assert head["Metadata"]["aws_kinesisvideo_fragment_number"] == stored(archived_media)[2]["FragmentNumber"]
    body = s3.get_object(Bucket="pictures", Key=keys[0])["Body"].read()
    with av.open(BytesIO(body), "r") as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (160, 120)
    assert kvs.service.delivery.counters(stream)["images_delivered"] == 6


def test_notifications_go_out_for_tagged_fragments(moto: str, kvs: KvsServer, stream: str, kinesis_video: Any) -> None:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="notices")["TopicArn"]
    queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    kinesis_video.update_notification_configuration(
        StreamName=stream,
        NotificationConfiguration={"Status": "ENABLED", "DestinationConfig": {"Uri": topic}},
    )
    put_clip(kvs, a_clip(1), event_tags(NOTIFICATION, why="door"))
    eventually(lambda: kvs.service.delivery.counters(stream)["notifications_published"] == 1)

    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    told = json.loads(envelope["Message"])
    assert envelope["Subject"] == "Kinesis Video Streams Notification"
    assert (told["NotificationType"], told["NotificationPayload"]) == ("PERSISTED", {"why": "door"})
    assert told["FragmentStartProducerTimestamp"] == NOON_MS
