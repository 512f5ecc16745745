"""Cameras with settings of their own in one stack, changed without a deployment.

Their images go to a bucket, and notifications to a topic, that existed before the stack and have another use, too.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.model import ResultRecord
from kinesight_cli.main import app
from kinesight_cli.shared.play_video import Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud
from typer.testing import CliRunner

from tests.builders import ACCOUNT as BUILDERS_ACCOUNT
from tests.builders import an_image_key
from tests.e2e.conftest import ROOT
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.functional.test_vision import photograph
from tests.sample_video import write_sample_video

DOOR, YARD, SPARE = "camera-door", "camera-yard", "camera-spare"
ACCOUNT, BUCKET = "123456789012", "images-of-others-too"
THEIRS = {"Id": "theirs", "Events": ["s3:ObjectCreated:*"]}


def document(yard: dict[str, Any]) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "detectors": {"faces": {"type": "REKOGNITION_FACES", "minimumConfidence": 60}},
        "defaults": {"gate": {"mode": "OFF"}},
        "cameras": [
            {
                "streams": [DOOR],
                "detector": "faces",
                "imageGeneration": {"samplingInterval": 1000},
                "rules": [{"name": "a visitor", "labels": ["Face"]}],
            },
            {"streamTags": "Location=Yard", **yard},
            {"streams": [SPARE], "detector": None, "imageGeneration": {"samplingInterval": 2000}},
        ],
    }


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:notifications-of-others-too"
    parameters = {"StreamNames": "camera-*", "SamplingInterval": "1000"}
    parameters |= {"ImagesBucketName": BUCKET, "NotificationTopicArn": topic}
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters) as cloud:
        for name in (DOOR, SPARE):
            cloud.ensure_stream(name)
        cloud.client("kinesisvideo").create_stream(StreamName=YARD, DataRetentionInHours=24, Tags={"Location": "Yard"})
        cloud.client("sns").create_topic(Name=topic.rpartition(":")[2])
        existing_bucket(cloud)
        cloud.deploy()
        yield cloud


def existing_bucket(cloud: LocalCloud) -> None:
    """Notifies a queue of invoices, and has images of one camera in another folder."""
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    s3.create_bucket(Bucket=BUCKET)
    sqs.create_queue(QueueName="invoices")
    rules = [{"Name": "prefix", "Value": "invoices/"}]
    theirs = {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:invoices", "Filter": {"Key": {"FilterRules": rules}}}
    configuration = {"QueueConfigurations": [THEIRS | theirs]}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)
    settings = {
        "Status": "ENABLED",
        "ImageSelectorType": "PRODUCER_TIMESTAMP",
        "DestinationConfig": {"Uri": f"s3://{BUCKET}/blog", "DestinationRegion": "us-east-1"},
        "SamplingInterval": 3000,
        "Format": "JPEG",
    }
    cloud.client("kinesisvideo").update_image_generation_configuration(
        StreamName=DOOR, ImageGenerationConfiguration=settings
    )


def notification_ids(cloud: LocalCloud) -> list[str]:
    found = cloud.client("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    return [one["Id"] for one in found["QueueConfigurations"]]


def put(cloud: LocalCloud, folder: Path, yard: dict[str, Any]) -> str:
    """Replaces the document, and applies the stream settings as the schedule does."""
    file = folder / "kinesight.json"
    file.write_text(json.dumps(document(yard)))
    done = CliRunner().invoke(app, ["config", "put", str(file)])
    assert done.exit_code == 0, done.output
    assert cloud.stack is not None
    name, scheduled = cloud.stack.function_name("ConfigureStreamsFunction"), json.dumps({"source": "aws.events"})
    assert "FunctionError" not in cloud.client("lambda").invoke(FunctionName=name, Payload=scheduled)
    return done.output


def interval_ms(cloud: LocalCloud, name: str) -> int:
    described = cloud.client("kinesisvideo").describe_image_generation_configuration(StreamName=name)
    interval: int = described["ImageGenerationConfiguration"]["SamplingInterval"]
    return interval


def record_video(cloud: LocalCloud, video: Path, *names: str) -> dict[str, int]:
    """Plays the video into streams; returns how many images KVS generated of each so far."""
    counters = cloud.kvs.service.delivery.counters
    for name in names:
        play(name, read_video(video), Tagging(image=True), lambda _: None)
        eventually(lambda name=name: counters(name)["pending"], lambda pending: pending == 0)  # type: ignore[misc]  # bound at once
    return {name: counters(name)["images_generated"] for name in names}


def of_stream(records: list[ResultRecord], name: str) -> list[ResultRecord]:
    return [record for record in records if record.frame.stream_name == name]


def operations(records: list[ResultRecord]) -> set[str]:
    return {record.detector.operation for record in records}


def test_each_camera_has_its_own_detector_interval_and_rules(cloud: LocalCloud, tmp_path: Path) -> None:
    stack, video = Stack(cloud), tmp_path / "demo.mp4"
    write_sample_video(video)
    put(cloud, tmp_path, {"imageGeneration": {"samplingInterval": 1500}, "labels": ["Person"]})
    assert cloud.lambdas is not None
    cloud.lambdas.restart()  # events of the deployment had functions read that there is no document
    assert [interval_ms(cloud, name) for name in (DOOR, YARD, SPARE)] == [1000, 1500, 2000]

    generated = record_video(cloud, video, DOOR, YARD, SPARE)
    expected = generated[DOOR] + generated[YARD]
    records = eventually(stack.results, lambda seen: len(seen) >= expected)

    assert generated[DOOR] > generated[YARD] > 0
    assert generated[SPARE] > 0
    assert [len(of_stream(records, name)) for name in (DOOR, YARD, SPARE)] == [generated[DOOR], generated[YARD], 0]
    assert operations(of_stream(records, DOOR)) == {"DetectFaces"}
    assert operations(of_stream(records, YARD)) == {"DetectLabels"}
    assert {rule for record in of_stream(records, DOOR) for rule in record.matched_rules} == {"a visitor"}
    assert {label for record in of_stream(records, YARD) for label in record.matched_labels} == {"Person"}

    # Another document, and no deployment: functions that have read the first one read it again within a minute.
    output = put(cloud, tmp_path, {"imageGeneration": {"samplingInterval": 2000}, "detector": "faces"})
    assert "changed" in output
    assert interval_ms(cloud, YARD) == 2000

    image = of_stream(records, YARD)[0].frame.image.key

    def analyzed_by_faces() -> bool:
        stack.announce(image)  # an image is analyzed once per detector
        time.sleep(1)  # each announcement is an invocation
        return "DetectFaces" in operations(of_stream(stack.results(), YARD))

    eventually(analyzed_by_faces, bool, seconds=100)
    assert of_stream(stack.results(), SPARE) == []


def test_an_existing_bucket_and_topic_keep_their_other_use(cloud: LocalCloud) -> None:
    stack, s3 = Stack(cloud), cloud.client("s3")
    now_ms = round(time.time() * 1000)
    mine, foreign = (
        an_image_key(name, now_ms).replace(BUILDERS_ACCOUNT, ACCOUNT) for name in (DOOR, "stream-of-others")
    )
    elsewhere = mine.replace("images/", "blog/")
    first, *added = notification_ids(cloud)
    assert (first, len(added)) == ("theirs", 1)
    assert stack.outputs["ImagesBucketName"] == BUCKET
    subscribed = cloud.client("sns").list_subscriptions_by_topic(TopicArn=stack.outputs["NotificationTopicArn"])
    assert len(subscribed["Subscriptions"]) == 1
    before = len(stack.results())

    for key in ("invoices/1.pdf", "images/holiday.jpg", foreign, elsewhere, mine):
        s3.put_object(Bucket=BUCKET, Key=key, Body=photograph("astronaut.png"), ContentType="image/jpeg")
    eventually(lambda: {one.frame.image.key for one in stack.results()[before:]}, {mine}.issubset)
    eventually(lambda: images_waiting(cloud), lambda waiting: waiting == 0)

    received = cloud.client("sqs").receive_message(QueueUrl=queue_url(cloud, "invoices"), MaxNumberOfMessages=10)
    assert "invoices%2F1.pdf" in received["Messages"][-1]["Body"]
    analyzed = {one.frame.image.key for one in stack.results()[before:]}
    assert analyzed == {mine}
    assert stack.new_dead_letters("ImagesDeadLetterQueueUrl") == []


def queue_url(cloud: LocalCloud, name: str) -> str:
    return str(cloud.client("sqs").get_queue_url(QueueName=name.rpartition("/")[2])["QueueUrl"])


def images_waiting(cloud: LocalCloud) -> int:
    assert cloud.stack is not None
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    url = queue_url(cloud, cloud.stack.physical_id("ImagesQueue"))
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_deleting_the_stack_removes_its_own_notification_alone(cloud: LocalCloud) -> None:
    assert cloud.stack is not None

    cloud.stack.delete_custom_resources()

    assert notification_ids(cloud) == ["theirs"]
    described = cloud.client("kinesisvideo").describe_image_generation_configuration(StreamName=DOOR)
    assert described["ImageGenerationConfiguration"]["DestinationConfig"]["Uri"] == f"s3://{BUCKET}/blog"
