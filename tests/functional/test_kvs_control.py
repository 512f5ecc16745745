"""The emulator's control plane, driven by boto3."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinesight_local.kvs.aws_models import routes
from kinesight_local.kvs.server import KvsServer

from tests.examples import examples

IMAGES = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://images/images", "DestinationRegion": "us-east-1"},
    "SamplingInterval": 1000,
    "Format": "JPEG",
}


def error_of(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def post(kvs: KvsServer, path: str, body: str, method: str = "POST") -> tuple[int, str | None, Any]:
    """Sends a request without a client model; returns status, error type, body."""
    address = urlsplit(kvs.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"})
    response = connection.getresponse()
    assert response.headers["x-amzn-RequestId"]
    return response.status, response.headers["x-amzn-ErrorType"], json.loads(response.read())


def test_a_stream_is_created_described_and_deleted(kinesis_video: Any) -> None:
    arn = kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24, MediaType="video/h264")["StreamARN"]

    info = kinesis_video.describe_stream(StreamARN=arn)["StreamInfo"]
    assert (info["StreamName"], info["Status"], info["DataRetentionInHours"]) == ("cam", "ACTIVE", 24)
    created_ms = round(1000 * info["CreationTime"].timestamp())
    assert arn == f"arn:aws:kinesisvideo:us-east-1:123456789012:stream/cam/{created_ms}"
    assert error_of(kinesis_video.create_stream, StreamName="cam") == ("ResourceInUseException", 400)

    kinesis_video.delete_stream(StreamARN=arn)
    assert error_of(kinesis_video.describe_stream, StreamName="cam") == ("ResourceNotFoundException", 404)


def test_errors_are_typed(kinesis_video: Any) -> None:
    with pytest.raises(kinesis_video.exceptions.ResourceNotFoundException):
        kinesis_video.describe_stream(StreamName="unknown")


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


def test_retention_changes_by_a_delta_with_a_version(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")
    version = kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["Version"]
    change = {"StreamName": "cam", "Operation": "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours": 5}

    kinesis_video.update_data_retention(CurrentVersion=version, **change)

    assert kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["DataRetentionInHours"] == 5
    assert (
        error_of(kinesis_video.update_data_retention, CurrentVersion=version, **change)[0] == "VersionMismatchException"
    )


def test_a_stream_of_the_same_name_is_another_stream(kinesis_video: Any) -> None:
    old = kinesis_video.create_stream(StreamName="cam")["StreamARN"]
    kinesis_video.delete_stream(StreamARN=old)
    new = kinesis_video.create_stream(StreamName="cam")["StreamARN"]

    assert new != old
    assert error_of(kinesis_video.describe_stream, StreamARN=old)[0] == "ResourceNotFoundException"
    assert error_of(kinesis_video.describe_stream, StreamARN=old, StreamName="cam")[0] == "ResourceNotFoundException"


def test_deleting_with_another_version_is_rejected(kinesis_video: Any) -> None:
    arn = kinesis_video.create_stream(StreamName="cam")["StreamARN"]

    assert error_of(kinesis_video.delete_stream, StreamARN=arn, CurrentVersion="other") == (
        "VersionMismatchException",
        400,
    )


@pytest.mark.parametrize(("operation", "hours"), [("DECREASE_DATA_RETENTION", 3), ("INCREASE_DATA_RETENTION", 87_599)])
def test_retention_stays_between_0_and_ten_years(kinesis_video: Any, operation: str, hours: int) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=2)
    version = kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["Version"]

    assert error_of(
        kinesis_video.update_data_retention,
        StreamName="cam",
        CurrentVersion=version,
        Operation=operation,
        DataRetentionChangeInHours=hours,
    ) == ("InvalidArgumentException", 400)


def test_tags(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", Tags={"Location": "Front"})
    kinesis_video.tag_stream(StreamName="cam", Tags={"Floor": "1"})
    kinesis_video.untag_stream(StreamName="cam", TagKeyList=["Location"])

    assert kinesis_video.list_tags_for_stream(StreamName="cam")["Tags"] == {"Floor": "1"}


def test_a_stream_has_at_most_fifty_tags(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", Tags={f"key{n}": "" for n in range(50)})

    assert error_of(kinesis_video.tag_stream, StreamName="cam", Tags={"one": "more"}) == (
        "TagsPerResourceExceededLimitException",
        400,
    )


def test_changes_at_the_same_time_are_all_kept(kvs: KvsServer, kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")

    with ThreadPoolExecutor(8) as pool:
        bodies = [json.dumps({"StreamName": "cam", "Tags": {f"key{n}": "v"}}) for n in range(40)]
        assert {status for status, *_ in pool.map(lambda body: post(kvs, "/tagStream", body), bodies)} == {200}

    assert len(kinesis_video.list_tags_for_stream(StreamName="cam")["Tags"]) == 40


def test_notifications_are_configured_described_and_deleted(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    settings = {"Status": "ENABLED", "DestinationConfig": {"Uri": "arn:aws:sns:us-east-1:123456789012:notices"}}
    described = kinesis_video.describe_notification_configuration
    assert "NotificationConfiguration" not in described(StreamName="cam")

    kinesis_video.update_notification_configuration(StreamName="cam", NotificationConfiguration=settings)
    assert described(StreamName="cam")["NotificationConfiguration"] == settings

    kinesis_video.update_notification_configuration(StreamName="cam")
    assert "NotificationConfiguration" not in described(StreamName="cam")


def test_fifo_topics_are_rejected(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    settings = {"Status": "ENABLED", "DestinationConfig": {"Uri": "arn:aws:sns:us-east-1:123456789012:notices.fifo"}}

    assert error_of(
        kinesis_video.update_notification_configuration, StreamName="cam", NotificationConfiguration=settings
    ) == ("InvalidArgumentException", 400)


def test_image_generation_is_configured_described_and_deleted(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    described = kinesis_video.describe_image_generation_configuration

    kinesis_video.update_image_generation_configuration(StreamName="cam", ImageGenerationConfiguration=IMAGES)
    assert described(StreamName="cam")["ImageGenerationConfiguration"] == IMAGES

    kinesis_video.update_image_generation_configuration(StreamName="cam")
    assert "ImageGenerationConfiguration" not in described(StreamName="cam")


def test_image_and_notification_settings_require_retention(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")

    assert error_of(
        kinesis_video.update_image_generation_configuration, StreamName="cam", ImageGenerationConfiguration=IMAGES
    ) == ("NoDataRetentionException", 400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"SamplingInterval": 100},
        {"Format": "WEBP"},
        {"WidthPixels": 5000},
        {"FormatConfig": {"JPEGQuality": "101"}},
        {"DestinationConfig": {"Uri": "s3://images", "DestinationRegion": "eu-west-1"}},
        {"DestinationConfig": {"Uri": "no uri", "DestinationRegion": "us-east-1"}},
    ],
)
def test_values_that_botocore_accepts_are_validated(kinesis_video: Any, wrong: dict[str, Any]) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)

    assert error_of(
        kinesis_video.update_image_generation_configuration,
        StreamName="cam",
        ImageGenerationConfiguration=IMAGES | wrong,
    ) == ("InvalidArgumentException", 400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"StreamName": "two words"},
        {"StreamName": "n" * 257},
        {"StreamName": "cam\n"},
        {"StreamName": "cam", "MediaType": "h264"},
        {"StreamName": "cam", "DataRetentionInHours": 87_601},
        {"StreamName": "cam", "DataRetentionInHours": 2**31},
        {"StreamName": "cam", "Tags": {"k" * 129: "v"}},
        {"StreamName": "cam", "Tags": {"k": "v*"}},
        {"StreamName": "cam", "StreamStorageConfiguration": {"DefaultStorageTier": "COLD"}},
    ],
)
def test_stream_names_outside_the_model_are_rejected(kinesis_video: Any, wrong: dict[str, Any]) -> None:
    assert error_of(kinesis_video.create_stream, **wrong) == ("InvalidArgumentException", 400)
    assert kinesis_video.list_streams()["StreamInfoList"] == []


def test_tags_may_be_in_any_script(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", Tags={"Ort": "Gebäude 7 / Süd"})

    assert kinesis_video.list_tags_for_stream(StreamName="cam")["Tags"] == {"Ort": "Gebäude 7 / Süd"}


def test_the_content_type_of_a_json_body_is_ignored(kvs: KvsServer) -> None:
    assert post(kvs, "/createStream", '{"StreamName": "cam", "Tags": null}')[0] == 200
    assert post(kvs, "/describeStream", '{"StreamName": "cam"}')[2]["StreamInfo"]["Status"] == "ACTIVE"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "3",
        "[" * 100_000,
        '{"StreamName": "cam", "KmsKeyId": "\\ud800"}',
        '{"StreamName": 5}',
        '{"StreamName": null}',
    ],
)
def test_malformed_bodies_are_rejected(kvs: KvsServer, body: str) -> None:
    assert post(kvs, "/createStream", body)[:2] == (400, "InvalidArgumentException")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/createstream"), ("GET", "/createStream"), ("PATCH", "/"), ("GET", "/putMedia")]
)
def test_an_unknown_operation_is_an_error_in_aws_format(kvs: KvsServer, method: str, path: str) -> None:
    status, code, body = post(kvs, path, "{}", method)

    assert (status, code) == (404, "UnknownOperationException")
    assert body["Message"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_MEMBERS = ["StreamName", "StreamARN", "NextToken", "MaxResults", "Tags", "FragmentSelector", "APIName", "Fragments"]


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(sorted(routes())), request=st.dictionaries(st.sampled_from(_MEMBERS), _JSON))
def test_no_request_causes_an_internal_error(kvs: KvsServer, path: str, request: dict[str, Any]) -> None:
    status, code, _ = post(kvs, path, json.dumps(request))

    assert status in (200, 400, 404, 501), code


def test_unsupported_operations_return_an_error(archived_media: Any) -> None:
    assert error_of(archived_media.get_dash_streaming_session_url, StreamName="cam") == ("NotImplementedException", 501)


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with KvsServer(tmp_path) as server:
        boto3.client("kinesisvideo", endpoint_url=server.url).create_stream(StreamName="cam")
    with KvsServer(tmp_path) as server:
        client = boto3.client("kinesisvideo", endpoint_url=server.url)
        assert client.describe_stream(StreamName="cam")["StreamInfo"]["StreamName"] == "cam"
        endpoint = client.get_data_endpoint(StreamName="cam", APIName="PUT_MEDIA")["DataEndpoint"]
        assert endpoint == server.url
