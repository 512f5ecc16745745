"""Every operation through boto3: its response against botocore's output shape, its errors by code and status.

The tests read the wire, because botocore's parser ignores unknown members and checks neither enums nor patterns nor
lengths.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.model import Shape
from kinesight_local.kvs.faults import Fail
from kinesight_local.kvs.server import KvsServer
from kinesight_local.kvs.timing import Timing
from kinesight_local.kvs.validation import problems

from tests.builders import NOON_MS
from tests.functional.kvs_producer import everything, put_clip, stored
from tests.media import a_clip

CONTROL, MEDIA, ARCHIVED = "kinesisvideo", "kinesis-video-media", "kinesis-video-archived-media"
NOT_HERE = ("Channel", "Edge", "MediaStorage", "MappedResource", "Resource", "DASH")
SESSION = botocore.session.get_session()


def operations() -> list[tuple[str, str]]:
    """(service, operation) of everything that concerns streams."""
    return [
        (service, name)
        for service in (CONTROL, MEDIA, ARCHIVED)
        for name in SESSION.get_service_model(service).operation_names
        if not any(word in name for word in NOT_HERE)
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KvsServer]:
    with KvsServer(tmp_path_factory.mktemp("conformance"), timing=Timing(live_edge_timeout_s=0.2)) as running:
        client = boto3.client("kinesisvideo", endpoint_url=running.url)
        client.create_stream(StreamName="cam", DataRetentionInHours=24, Tags={"site": "north"})
        put_clip(running, a_clip(2))
        yield running


@pytest.fixture(autouse=True)
def no_faults(server: KvsServer) -> Iterator[None]:
    yield
    server.service.faults.clear()


def client(server: KvsServer, service: str) -> Any:
    return boto3.client(service, endpoint_url=server.url)  # type: ignore[call-overload]  # any service


def parameters(server: KvsServer, operation: str) -> dict[str, Any]:
    """A request that succeeds."""
    control = client(server, CONTROL)
    info = control.describe_stream(StreamName="cam")["StreamInfo"]
    named, version = {"StreamName": "cam"}, {"CurrentVersion": info["Version"]}
    start, end = (datetime.fromtimestamp(NOON_MS / 1000 + seconds, UTC) for seconds in (0, 1.5))
    selector = {
        "FragmentSelectorType": "PRODUCER_TIMESTAMP",
        "TimestampRange": {"StartTimestamp": start, "EndTimestamp": end},
    }
    images = {
        "Status": "ENABLED",
        "ImageSelectorType": "SERVER_TIMESTAMP",
        "DestinationConfig": {"Uri": "s3://images/cam", "DestinationRegion": "us-east-1"},
        "SamplingInterval": 1000,
        "Format": "JPEG",
        "FormatConfig": {"JPEGQuality": "80"},
    }
    notifications = {"Status": "ENABLED", "DestinationConfig": {"Uri": "arn:aws:sns:us-east-1:123456789012:seen"}}
    table: dict[str, dict[str, Any]] = {
        "CreateStream": {"StreamName": f"new-{datetime.now(UTC).timestamp()}"},
        "ListStreams": {"MaxResults": 1},
        "UpdateStream": named | version | {"MediaType": "video/h264", "DeviceName": "device"},
        "UpdateDataRetention": named
        | version
        | {"Operation": "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours": 1},
        "UpdateStreamStorageConfiguration": named
        | version
        | {"StreamStorageConfiguration": {"DefaultStorageTier": "WARM"}},
        "TagStream": named | {"Tags": {"floor": "2"}},
        "UntagStream": named | {"TagKeyList": ["floor"]},
        "GetDataEndpoint": named | {"APIName": "GET_IMAGES"},
        "UpdateImageGenerationConfiguration": named | {"ImageGenerationConfiguration": images},
        "UpdateNotificationConfiguration": named | {"NotificationConfiguration": notifications},
        "DeleteStream": {
            "StreamARN": control.create_stream(StreamName=f"short-{datetime.now(UTC).timestamp()}")["StreamARN"]
        }
        if operation == "DeleteStream"
        else {},
        "GetMedia": named | {"StartSelector": {"StartSelectorType": "EARLIEST"}},
        "ListFragments": named | {"FragmentSelector": everything(), "MaxResults": 1},
        "GetMediaForFragmentList": named
        | {"Fragments": [one["FragmentNumber"] for one in stored(client(server, ARCHIVED))]},
        "GetImages": named
        | {
            "ImageSelectorType": "PRODUCER_TIMESTAMP",
            "StartTimestamp": start,
            "EndTimestamp": end,
            "Format": "JPEG",
            "SamplingInterval": 200,
            "MaxResults": 3,
        },
        "GetClip": named | {"ClipFragmentSelector": selector},
        "GetHLSStreamingSessionURL": named | {"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": selector},
    }
    return table.get(operation, named)


def unknown_members(shape: Any, value: Any, place: str = "") -> Iterator[str]:
    """Members of a response that are not in its shape."""
    if shape.type_name == "structure":
        for name, item in value.items():
            if name in shape.members:
                yield from unknown_members(shape.members[name], item, f"{place}.{name}")
            else:
                yield f"{place}.{name}"
    elif shape.type_name == "list":
        for item in value:
            yield from unknown_members(shape.member, item, f"{place}[]")


@pytest.mark.parametrize(("service", "operation"), operations())
def test_the_response_has_its_shape(server: KvsServer, service: str, operation: str) -> None:
    seen: list[dict[str, Any]] = []
    caller = client(server, service)
    caller.meta.events.register("response-received", lambda response_dict, **_: seen.append(response_dict))
    shape: Shape | None = SESSION.get_service_model(service).operation_model(operation).output_shape
    method = getattr(caller, botocore.xform_name(operation))

    response = method(**parameters(server, operation))

    assert seen[-1]["status_code"] == 200
    assert seen[-1]["headers"]["x-amzn-RequestId"]
    if "Payload" in response:
        assert response["Payload"].read()
        return
    document = json.loads(seen[-1]["body"])
    if shape is not None:
        assert list(problems(shape, document)) == []
        assert list(unknown_members(shape, document)) == []
    else:
        assert document == {}


def documented_errors() -> list[tuple[str, str, str, int]]:
    return [
        (service, operation, error.name, error.metadata["error"]["httpStatusCode"])
        for service, operation in operations()
        for error in SESSION.get_service_model(service).operation_model(operation).error_shapes
    ]


@pytest.mark.parametrize(("service", "operation", "code", "status"), documented_errors())
def test_every_documented_error_reaches_boto3_typed(
    server: KvsServer, service: str, operation: str, code: str, status: int
) -> None:
    caller = client(server, service)
    request = parameters(server, operation)
    server.service.faults.add(Fail(operation=operation, code=code, status=status))

    with pytest.raises(getattr(caller.exceptions, code)) as caught:
        getattr(caller, botocore.xform_name(operation))(**request)

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


UNKNOWN_STREAM = {"StreamName": "unknown"}
BY_ITS_OWN_RULES: list[tuple[str, str, dict[str, Any], str]] = [
    *(
        (service, operation, UNKNOWN_STREAM, "ResourceNotFoundException")
        for service, operation in operations()
        if operation not in {"CreateStream", "ListStreams", "DeleteStream"}
    ),
    (CONTROL, "CreateStream", {"StreamName": "cam"}, "ResourceInUseException"),
    (CONTROL, "CreateStream", {"StreamName": "a b"}, "InvalidArgumentException"),
    (CONTROL, "CreateStream", {"StreamName": "x", "DataRetentionInHours": 87_601}, "InvalidArgumentException"),
    (
        CONTROL,
        "DeleteStream",
        {"StreamARN": "arn:aws:kinesisvideo:us-east-1:1:stream/unknown/1"},
        "ResourceNotFoundException",
    ),
    *(
        (CONTROL, operation, {"CurrentVersion": "old"}, "VersionMismatchException")
        for operation in ("UpdateStream", "UpdateDataRetention", "UpdateStreamStorageConfiguration")
    ),
    (
        CONTROL,
        "TagStream",
        {"Tags": {f"key{index}": "x" for index in range(50)}},
        "TagsPerResourceExceededLimitException",
    ),
    (CONTROL, "GetDataEndpoint", {"APIName": "GET_EVERYTHING"}, "InvalidArgumentException"),
    (CONTROL, "ListStreams", {"NextToken": "%"}, "InvalidArgumentException"),
    (MEDIA, "GetMedia", {"StartSelector": {"StartSelectorType": "LATER"}}, "InvalidArgumentException"),
    (ARCHIVED, "ListFragments", {"MaxResults": 1001}, "InvalidArgumentException"),
    (ARCHIVED, "GetMediaForFragmentList", {"Fragments": ["x"]}, "InvalidArgumentException"),
]


@pytest.mark.parametrize(("service", "operation", "changed", "code"), BY_ITS_OWN_RULES)
def test_errors_by_rule(server: KvsServer, service: str, operation: str, changed: dict[str, Any], code: str) -> None:
    caller = client(server, service)

    with pytest.raises(ClientError) as caught:
        getattr(caller, botocore.xform_name(operation))(**parameters(server, operation) | changed)

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == (404 if "NotFound" in code else 400)


def test_storage_configuration_and_update_change_the_version(server: KvsServer) -> None:
    control = client(server, CONTROL)
    versions = [control.describe_stream(StreamName="cam")["StreamInfo"]["Version"]]
    for operation, more in (
        ("update_stream", {"MediaType": "video/h265"}),
        ("update_stream_storage_configuration", {"StreamStorageConfiguration": {"DefaultStorageTier": "HOT"}}),
    ):
        getattr(control, operation)(StreamName="cam", CurrentVersion=versions[-1], **more)
        versions.append(control.describe_stream(StreamName="cam")["StreamInfo"]["Version"])

    assert len(set(versions)) == 3
    assert control.describe_stream(StreamName="cam")["StreamInfo"]["MediaType"] == "video/h265"
    document = control.describe_stream_storage_configuration(StreamName="cam")["StreamStorageConfiguration"]
    assert document == {"DefaultStorageTier": "HOT"}


def test_an_unsupported_operation_returns_an_error(server: KvsServer) -> None:
    with pytest.raises(ClientError, match="does not support"):
        client(server, CONTROL).create_signaling_channel(ChannelName="x")


def test_state_of_the_first_layout_is_migrated(tmp_path: Path) -> None:
    """A folder written by an earlier version."""
    import sqlite3

    with KvsServer(tmp_path) as server:
        client(server, CONTROL).create_stream(StreamName="cam", DataRetentionInHours=24)
        put_clip(server, a_clip(3))
        before = stored(client(server, ARCHIVED))
    index = sqlite3.connect(tmp_path / "index.sqlite")
    index.executescript(
        "DROP INDEX by_arrival; ALTER TABLE fragments DROP COLUMN archived; ALTER TABLE fragments DROP COLUMN ordinal;"
        "ALTER TABLE counters DROP COLUMN kept; DROP TABLE deliveries; DROP TABLE secrets; PRAGMA user_version=1;"
    )
    index.close()

    with KvsServer(tmp_path) as server:
        assert stored(client(server, ARCHIVED)) == before
        put_clip(server, a_clip(1), start_ms=NOON_MS + 10_000)
        assert len(stored(client(server, ARCHIVED))) == 4
