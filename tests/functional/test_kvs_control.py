"""The emulator's control plane, driven by boto3."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from kinesight_local.kvs.server import KvsServer

IMAGES = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://pictures/images", "DestinationRegion": "us-east-1"},
    "SamplingInterval": 1000,
    "Format": "JPEG",
}


def refused(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_stream_lives_and_dies(kinesis_video: Any) -> None:
    arn = kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24, MediaType="video/h264")["StreamARN"]

    info = kinesis_video.describe_stream(StreamARN=arn)["StreamInfo"]
    assert (info["StreamName"], info["Status"], info["DataRetentionInHours"]) == ("cam", "ACTIVE", 24)
    assert refused(kinesis_video.create_stream, StreamName="cam") == ("ResourceInUseException", 400)

    kinesis_video.delete_stream(StreamARN=arn)
    assert refused(kinesis_video.describe_stream, StreamName="cam") == ("ResourceNotFoundException", 404)


def test_errors_are_typed(kinesis_video: Any) -> None:
    with pytest.raises(kinesis_video.exceptions.ResourceNotFoundException):
        kinesis_video.describe_stream(StreamName="nobody")


def test_lists_in_pages_and_by_prefix(kinesis_video: Any) -> None:
    for index in range(5):
        kinesis_video.create_stream(StreamName=f"front-{index}")
    kinesis_video.create_stream(StreamName="back")

    pages = kinesis_video.get_paginator("list_streams").paginate(
        StreamNameCondition={"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": "front"},
        PaginationConfig={"PageSize": 2},
    )

    assert [info["StreamName"] for page in pages for info in page["StreamInfoList"]] == [
        f"front-{index}" for index in range(5)
    ]


def test_retention_changes_by_a_delta_under_a_version(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")
    version = kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["Version"]
    change = {"StreamName": "cam", "Operation": "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours": 5}

    kinesis_video.update_data_retention(CurrentVersion=version, **change)

    assert kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["DataRetentionInHours"] == 5
    assert (
        refused(kinesis_video.update_data_retention, CurrentVersion=version, **change)[0] == "VersionMismatchException"
    )


def test_tags(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", Tags={"Location": "Front"})
    kinesis_video.tag_stream(StreamName="cam", Tags={"Floor": "1"})
    kinesis_video.untag_stream(StreamName="cam", TagKeyList=["Location"])

    assert kinesis_video.list_tags_for_stream(StreamName="cam")["Tags"] == {"Floor": "1"}


def test_image_generation_is_set_told_and_deleted(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    described = kinesis_video.describe_image_generation_configuration

    kinesis_video.update_image_generation_configuration(StreamName="cam", ImageGenerationConfiguration=IMAGES)
    assert described(StreamName="cam")["ImageGenerationConfiguration"] == IMAGES

    kinesis_video.update_image_generation_configuration(StreamName="cam")
    assert "ImageGenerationConfiguration" not in described(StreamName="cam")


def test_configurations_need_retention(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")

    assert refused(
        kinesis_video.update_image_generation_configuration, StreamName="cam", ImageGenerationConfiguration=IMAGES
    ) == ("NoDataRetentionException", 400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"SamplingInterval": 100},
        {"Format": "WEBP"},
        {"WidthPixels": 5000},
        {"FormatConfig": {"JPEGQuality": "101"}},
        {"DestinationConfig": {"Uri": "s3://pictures", "DestinationRegion": "eu-west-1"}},
        {"DestinationConfig": {"Uri": "no uri", "DestinationRegion": "us-east-1"}},
    ],
)
def test_what_botocore_lets_through_is_checked(kinesis_video: Any, wrong: dict[str, Any]) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)

    assert refused(
        kinesis_video.update_image_generation_configuration,
        StreamName="cam",
        ImageGenerationConfiguration=IMAGES | wrong,
    ) == ("InvalidArgumentException", 400)


def test_operations_that_are_missing_say_so(archived_media: Any) -> None:
    assert refused(archived_media.get_dash_streaming_session_url, StreamName="cam") == ("NotImplementedException", 501)


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with KvsServer(tmp_path) as server:
        boto3.client("kinesisvideo", endpoint_url=server.url).create_stream(StreamName="cam")
    with KvsServer(tmp_path) as server:
        client = boto3.client("kinesisvideo", endpoint_url=server.url)
        assert client.describe_stream(StreamName="cam")["StreamInfo"]["StreamName"] == "cam"
        endpoint = client.get_data_endpoint(StreamName="cam", APIName="PUT_MEDIA")["DataEndpoint"]
        assert endpoint == server.url
