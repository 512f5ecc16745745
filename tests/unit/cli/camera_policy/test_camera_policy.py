"""`kinesight camera-policy` of a stack in moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.configuration.stream_tags import TAGS_KEY
from kinesight_cli.main import app
from moto import mock_aws
from typer.testing import CliRunner

KEY = "arn:aws:kms:us-east-1:123456789012:key/0000"
STREAM = {
    "Sid": "Stream",
    "Effect": "Allow",
    "Action": ["kinesisvideo:DescribeStream", "kinesisvideo:GetDataEndpoint", "kinesisvideo:PutMedia"],
    "Resource": "arn:aws:kinesisvideo:us-east-1:123456789012:stream/front-door/*",
}
IMAGES = {
    "Sid": "Images",
    "Effect": "Allow",
    "Action": ["s3:PutObject"],
    "Resource": "arn:aws:s3:::images/images*123456789012_front-door_*",
}
NOTIFICATIONS = {
    "Sid": "Notifications",
    "Effect": "Allow",
    "Action": ["sns:Publish"],
    "Resource": "arn:aws:sns:us-east-1:123456789012:notifications",
}


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("s3")


def deploy(**parameters: str) -> None:
    template = {
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": {
            "EvidenceBucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "evidence"}},
            "ImagesBucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "images"}},
            "NotificationTopic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "notifications"}},
        },
        "Outputs": {"EvidenceBucketName": {"Value": {"Ref": "EvidenceBucket"}}},
    }
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    client: Any = boto3.client("cloudformation")
    client.create_stack(StackName="kinesight", TemplateBody=json.dumps(template), Parameters=given)


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["camera-policy", *arguments])
    assert result.exit_code == code, result.output
    return result


def statements(*arguments: str) -> list[Any]:
    policy = json.loads(run("front-door", "--json", *arguments).stdout)
    assert policy["Version"] == "2012-10-17"
    found: list[Any] = policy["Statement"]
    return found


def camera(**settings: Any) -> str:
    return json.dumps({"schemaVersion": 1, "cameras": [settings]})


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, [STREAM, IMAGES]),
        ({"NotificationStatus": "ENABLED"}, [STREAM, IMAGES, NOTIFICATIONS]),
        ({"ImageGenerationStatus": "DISABLED"}, [STREAM]),
    ],
)
def test_it_permits_what_the_stacks_settings_need(parameters: dict[str, str], found: list[Any]) -> None:
    deploy(**parameters)

    assert statements() == found


@pytest.mark.usefixtures("s3")
def test_a_bucket_topic_and_key_that_existed_are_named() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:theirs"
    deploy(ImagesBucketName="shared", NotificationTopicArn=topic, NotificationStatus="ENABLED", KmsKeyArn=KEY)

    _, images, notifications, key = statements()

    assert images["Resource"] == "arn:aws:s3:::shared/images*123456789012_front-door_*"
    assert notifications["Resource"] == topic
    assert (key["Resource"], key["Action"]) == (KEY, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"])


def test_the_cameras_own_settings_count(s3: Any) -> None:
    deploy(ImageGenerationStatus="DISABLED")
    body = camera(streams=["front-*"], imageGeneration={"status": "ENABLED"})
    s3.put_object(Bucket="evidence", Key=DOCUMENT_KEY, Body=body)

    assert statements() == [STREAM, IMAGES]


def test_cameras_that_are_matched_by_tags_count(s3: Any) -> None:
    deploy()
    body = camera(streamTags="Place=Porch", notifications={"status": "ENABLED"})
    s3.put_object(Bucket="evidence", Key=DOCUMENT_KEY, Body=body)
    s3.put_object(Bucket="evidence", Key=TAGS_KEY, Body=json.dumps({"front-door": {"Place": "Porch"}}))

    assert statements() == [STREAM, IMAGES, NOTIFICATIONS]


@pytest.mark.usefixtures("s3")
def test_the_next_step_is_apart_from_the_policy() -> None:
    deploy()

    result = run("front-door")

    assert json.loads(result.stdout)["Statement"] == statements()
    assert "aws iam put-role-policy" in result.stderr
    assert run("front-door", "--json").stderr == ""


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("name", ["front door", "*", "front/../*", "x" * 257, ""])
def test_another_name_than_a_streams_is_refused(name: str) -> None:
    assert "is not a stream name" in " ".join(run(name, code=2).stderr.split())


@pytest.mark.usefixtures("s3")
def test_without_a_stack_the_error_names_the_next_step() -> None:
    assert "pass the name of a deployed stack as --stack" in run("front-door", code=1).stderr
