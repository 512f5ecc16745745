"""The emulator behaves as every capture in `captures/` shows, which `kinesight verify --capture` makes."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight_cli.shared.play_video import Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_cli.verify.capture.model import Capture
from kinesight_cli.verify.capture.recorder import record
from kinesight_cli.verify.capture.source import Source
from kinesight_cli.verify.deployment import Clients
from kinesight_local.kvs.server import KvsServer

from tests.functional.kvs_producer import eventually, reset_moto
from tests.parity.facts import facts
from tests.sample_video import write_sample_video

CAPTURES = sorted(Path(__file__).with_name("captures").glob("*.json"))
ACCOUNT, STREAM, BUCKET = "123456789012", "camera-kinesight-verify-0a1b2c3d", "images-of-a-stack"
FRAGMENTS = 4
OLD_S = 4.0
"""Age at which a fragment is clearly behind the wall clock, and not behind the newest fragment."""
KNOWN_DIFFERENCES: Mapping[str, Mapping[str, str]] = {}
"""By capture and fact: why the emulator differs."""


@pytest.fixture
def recorded(moto: str, kvs: KvsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Capture:
    """A capture of the emulator: the beginning of the generated video."""
    for service in ("KINESIS_VIDEO", "KINESIS_VIDEO_MEDIA", "KINESIS_VIDEO_ARCHIVED_MEDIA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", kvs.url)
    reset_moto(moto)
    file = tmp_path / "sample.mp4"
    write_sample_video(file)
    video = read_video(file)
    clients = Clients()
    queue, topic = _subscribed()
    _configured(clients("kinesisvideo"), topic)
    play(STREAM, replace(video, fragments=video.fragments[:FRAGMENTS]), Tagging(True, True), lambda _: None)
    sent_s = time.monotonic()
    eventually(lambda: kvs.service.statistics(STREAM)["pending"] == 0)
    eventually(lambda: time.monotonic() > sent_s + OLD_S)
    return record(_source(clients, queue), (), is_on_aws=False)


def _subscribed() -> tuple[str, str]:
    """Returns the URL of a queue, and the topic that it receives messages of."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    topic = boto3.client("sns").create_topic(Name="notifications")["TopicArn"]
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return queue, topic


def _configured(client: Any, topic: str) -> None:
    images = {
        "Status": "ENABLED",
        "ImageSelectorType": "PRODUCER_TIMESTAMP",
        "DestinationConfig": {"Uri": f"s3://{BUCKET}/images", "DestinationRegion": "us-east-1"},
        "SamplingInterval": 2000,
        "Format": "JPEG",
    }
    notifications = {"Status": "ENABLED", "DestinationConfig": {"Uri": topic}}
    client.create_stream(StreamName=STREAM, DataRetentionInHours=1)
    client.update_image_generation_configuration(StreamName=STREAM, ImageGenerationConfiguration=images)
    client.update_notification_configuration(StreamName=STREAM, NotificationConfiguration=notifications)


def _source(clients: Clients, queue: str) -> Source:
    objects = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    return Source(
        clients=clients,
        stream=STREAM,
        bucket=BUCKET,
        image_keys=[one["Key"] for one in objects],
        envelopes=[json.loads(one["Body"]) for one in messages],
        names={BUCKET: "ImagesBucket", STREAM: "STREAM", ACCOUNT: "ACCOUNT"},
    )


def test_the_emulator_behaves_as_the_captures_show(recorded: Capture) -> None:
    assert recorded.problems == ()
    ours = facts(recorded)
    assert len(CAPTURES) >= 1
    for file in CAPTURES:
        theirs = facts(Capture.model_validate_json(file.read_text()))
        known = KNOWN_DIFFERENCES.get(file.name, {})
        different = {name: (one, ours.get(name)) for name, one in theirs.items() if ours.get(name) != one}

        assert len(theirs) >= 8, file.name
        assert different.keys() == known.keys(), f"{file.name}: {different}"
    _check_identifiers(recorded)


def _check_identifiers(recorded: Capture) -> None:
    """Here, because recording takes seconds."""
    text = recorded.model_dump_json()

    for identifier in (ACCOUNT, STREAM, BUCKET, "127.0.0.1", "http://"):
        assert identifier not in text
    assert len(recorded.images) == 3
    assert len(recorded.notifications) == 3
    assert len(recorded.errors) == 5
    assert [one.start_ms for one in recorded.fragments] == [0, 2000, 4000, 6000]
