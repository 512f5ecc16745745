"""Images and notifications under fault injection: failures, duplicates, delays, a kill."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight_local.kvs.faults import Duplicate, Fail, Slow
from kinesight_local.kvs.server import KvsServer

from tests.functional.kvs_producer import Producer, eventually, put_clip, reset_moto, stored
from tests.media import IMAGE, NOTIFICATION, a_clip, clusters, event_tags, producer_header

CLIP = a_clip(3)
CONFIGURATION = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://images/images", "DestinationRegion": "us-east-1"},
    "SamplingInterval": 1000,
    "Format": "JPEG",
}


@pytest.fixture
def s3(moto: str) -> Any:
    reset_moto(moto)
    client = boto3.client("s3")
    client.create_bucket(Bucket="images")
    return client


def configured(client: Any) -> None:
    client.create_stream(StreamName="cam", DataRetentionInHours=24)
    client.update_image_generation_configuration(StreamName="cam", ImageGenerationConfiguration=CONFIGURATION)


def keys(s3: Any) -> list[str]:
    return sorted(one["Key"] for one in s3.list_objects_v2(Bucket="images").get("Contents", []))


def settled(kvs: KvsServer) -> dict[str, int]:
    eventually(lambda: kvs.service.statistics("cam")["pending"] == 0)
    return kvs.service.statistics("cam")


def test_one_image_in_three_fails(kvs: KvsServer, kinesis_video: Any, s3: Any) -> None:
    configured(kinesis_video)
    kvs.service.faults.add(Fail(operation="ImageDelivery", stream="cam", skip=1, count=1))

    put_clip(kvs, CLIP, event_tags(IMAGE))

    counters = settled(kvs)
    assert (counters["images_generated"], counters["images_delivered"], counters["image_failures"]) == (3, 2, 1)
    assert len(keys(s3)) == 2


def test_a_duplicate_image(kvs: KvsServer, kinesis_video: Any, s3: Any) -> None:
    configured(kinesis_video)
    kvs.service.faults.add(Duplicate(operation="ImageDelivery", count=1))

    put_clip(kvs, CLIP, event_tags(IMAGE))

    settled(kvs)
    assert len(keys(s3)) == 4


def test_slow_images_are_delivered(kvs: KvsServer, kinesis_video: Any, s3: Any) -> None:
    configured(kinesis_video)
    kvs.service.faults.add(Slow(operation="ImageDelivery", delay_ms=100))

    put_clip(kvs, CLIP, event_tags(IMAGE))

    assert settled(kvs)["images_delivered"] == 3


def test_a_duplicate_notification(kvs: KvsServer, kinesis_video: Any, s3: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)
    topic = boto3.client("sns").create_topic(Name="seen")["TopicArn"]
    queue = boto3.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:seen")
    kinesis_video.update_notification_configuration(
        StreamName="cam", NotificationConfiguration={"Status": "ENABLED", "DestinationConfig": {"Uri": topic}}
    )
    kvs.service.faults.add(Duplicate(operation="NotificationDelivery"))

    put_clip(kvs, a_clip(1), event_tags(NOTIFICATION))

    settled(kvs)
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    numbers = [json.loads(json.loads(one["Body"])["Message"])["FragmentNumber"] for one in messages]
    assert len(numbers) == 2
    assert len(set(numbers)) == 1


def test_a_kill_loses_no_persisted_fragment(tmp_path: Path, s3: Any) -> None:
    """The emulator as a process, killed with images pending: no fragment is lost, the images are delivered later."""
    code = (
        "import sys; from pathlib import Path; from kinesight_local.kvs.server import KvsServer\n"
        "from kinesight_local.kvs.faults import Faults, Slow\n"
        "slow = Faults(faults=(Slow(operation='ImageDelivery', delay_ms=600_000),))\n"
        "server = KvsServer(Path(sys.argv[1]), faults=slow); server.start(); print(server.url, flush=True)\n"
        "sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        configured(boto3.client("kinesisvideo", endpoint_url=url))
        producer = Producer(url)
        producer.send(producer_header(CLIP))
        persisted = []
        for timecode, cluster in clusters(CLIP, 1_700_000_000_000):
            producer.send(cluster + event_tags(IMAGE, "AWS_KINESISVIDEO_END_OF_FRAGMENT"))
            persisted.append(producer.until("PERSISTED")["FragmentNumber"])
            assert timecode
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
    assert keys(s3) == []

    with KvsServer(tmp_path) as server:
        client = boto3.client("kinesis-video-archived-media", endpoint_url=server.url)
        assert [one["FragmentNumber"] for one in stored(client)] == persisted
        eventually(lambda: len(keys(s3)) == 3)
        settled(server)
    with KvsServer(tmp_path) as server:
        settled(server)
    assert len(keys(s3)) == 3
