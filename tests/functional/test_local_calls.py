"""The local cloud counts calls at the services by caller and operation."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from kinesight_local.calls import Call, caller_of, retry_suffix
from kinesight_local.cloud import LocalCloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path, tmp_path / "data", {}) as running:
        yield running


@pytest.fixture(autouse=True)
def clean_environment() -> None:
    """Sets the environment variables of the local cloud."""


def client(service: str, caller: str | None = None) -> Any:
    config = Config(user_agent_appid=caller)  # type: ignore[call-arg]  # unknown to the stubs
    return boto3.client(service, region_name="us-east-1", config=config)  # type: ignore[call-overload]  # any service


def test_calls_are_counted_by_function_operation_and_place(cloud: LocalCloud) -> None:
    s3 = client("s3", "kinesight-KeepEvidenceFunction")
    client("s3").create_bucket(Bucket="evidence")
    kinesis = client("kinesis", "kinesight-AnalyzeImagesFunction")
    client("kinesis").create_stream(StreamName="results", ShardCount=1)
    topic = client("sns").create_topic(Name="alerts")["TopicArn"]
    cloud.calls.clear()

    s3.put_object(Bucket="evidence", Key="archive/stream=a/1.mkv", Body=b"video")
    s3.head_object(Bucket="evidence", Key="archive/stream=a/1.mkv")
    s3.get_object(Bucket="evidence", Key="archive/stream=a/1.mkv")["Body"].read()
    client("s3").list_objects_v2(Bucket="evidence")
    kinesis.put_records(StreamName="results", Records=[{"Data": b"{}", "PartitionKey": "a"}] * 3)
    client("sns", "kinesight-KeepEvidenceFunction").publish(TopicArn=topic, Message="hello")
    client("kinesisvideo").create_stream(StreamName="camera")

    evidence, analyze = "kinesight-KeepEvidenceFunction", "kinesight-AnalyzeImagesFunction"
    assert cloud.calls.counts() == {
        Call(evidence, "s3", "PutObject", "archive"): 1,
        Call(evidence, "s3", "HeadObject", "archive"): 1,
        Call(evidence, "s3", "GetObject", "archive"): 1,
        Call("", "s3", "GetBucket", "evidence"): 1,
        Call(analyze, "kinesis", "PutRecords", "results"): 1,
        Call(analyze, "kinesis", "Record", "results"): 3,
        Call(evidence, "sns", "Publish"): 1,
        Call("", "kinesisvideo", "CreateStream"): 1,
    }


def test_messages_that_s3_sends_to_a_queue_are_counted_without_a_request(cloud: LocalCloud) -> None:
    queue = client("sqs").create_queue(QueueName="images")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3 = client("s3")
    s3.create_bucket(Bucket="images")
    s3.put_bucket_notification_configuration(
        Bucket="images",
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    cloud.calls.clear()

    s3.put_object(Bucket="images", Key="images/1.jpg", Body=b"image")

    assert cloud.calls.counts() == {Call("", "s3", "PutObject", "images"): 1, Call("", "sqs", "Queued", "images"): 1}


def test_a_detector_of_the_vision_service_is_counted(cloud: LocalCloud) -> None:
    rekognition = client("rekognition", "kinesight-AnalyzeImagesFunction")
    with pytest.raises(rekognition.exceptions.InvalidImageFormatException):
        rekognition.detect_faces(Image={"Bytes": json.dumps("no image").encode()})

    assert cloud.calls.counts() == {Call("kinesight-AnalyzeImagesFunction", "rekognition", "DetectFaces"): 1}


@pytest.mark.parametrize(
    ("header", "said"),
    [("attempt=1", ""), ("attempt=1; max=4", ""), ("ttl=2026; attempt=2; max=4", " again"), ("attempt=10", " again")],
)
def test_retries_of_an_sdk_are_counted_separately(header: str, said: str) -> None:
    assert retry_suffix(header) == said


def test_a_caller_is_identified_by_its_application_id() -> None:
    assert (
        caller_of("Boto3/1.40 exec-env/AWS_Lambda_python3.13 cfg/retry-mode#standard app/kinesight-A") == "kinesight-A"
    )
    assert caller_of("Boto3/1.40 md/Botocore#1.40") == ""
