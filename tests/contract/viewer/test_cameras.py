"""Cameras, their images and analyses, called as by API Gateway, on the KVS emulator and moto."""

import base64
import json
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from kinesight.adapters.aws import clients as aws_clients
from kinesight.wiring import serve_viewer as wiring
from kinesight_local.kvs.server import KvsServer
from PIL import Image

from tests.contract.compute.test_step_functions_workflow import PASSES, ROLE
from tests.contract.dynamodb.test_managed_streams import a_table
from tests.contract.viewer.test_api import api_response, call_api, deployed  # noqa: F401 - a fixture for every test
from tests.functional.kvs_producer import put_clip
from tests.media import a_clip

REQUEST = {
    "StreamName": "front-door",
    "StartTimestamp": "2026-01-01T12:00:00Z",
    "EndTimestamp": "2026-01-01T12:05:00Z",
}
CACHED = [one for module in (wiring, aws_clients) for one in vars(module).values() if hasattr(one, "cache_clear")]


@pytest.fixture(autouse=True)
def fleet(deployed: None, kvs: KvsServer, kinesis_video: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: F811 - requests the fixture
    """A camera selected by name, one selected by tag, and one that is not selected."""
    monkeypatch.setenv("STREAM_NAMES", "front-door")
    monkeypatch.setenv("TAG_FILTERS", '{"key":"Watch"}')
    for name in ("KINESIS_VIDEO", "KINESIS_VIDEO_ARCHIVED_MEDIA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", kvs.url)
    machine = boto3.client("stepfunctions").create_state_machine(name="ranges", definition=PASSES, roleArn=ROLE)
    monkeypatch.setenv("STATE_MACHINE_ARN", machine["stateMachineArn"])
    a_table()
    kinesis_video.create_stream(StreamName="front-door", DataRetentionInHours=24)
    kinesis_video.create_stream(StreamName="yard", DataRetentionInHours=0, Tags={"Watch": "yes"})
    kinesis_video.create_stream(StreamName="attic", DataRetentionInHours=24)
    for one in CACHED:
        one.cache_clear()
    yield
    for one in CACHED:
        one.cache_clear()


def failed(camera: Any) -> list[str]:
    return [one["cause"] for one in camera["health"] if one["status"] == "failed"]


def test_cameras_with_their_problems() -> None:
    status, response, _ = call_api("GET", "/api/cameras")

    assert (status, response["cursor"]) == (200, None)
    door, yard = response["cameras"]
    assert (door["stream"], door["status"], door["lastFragmentAt"]) == ("front-door", "ACTIVE", None)
    assert failed(door) == ["images-not-configured", "no-fragments"]
    assert (yard["stream"], yard["retentionHours"], failed(yard)) == ("yard", 0, ["no-retention"])
    assert door["lastSession"]["class"] == "ALERT"


def test_a_camera_that_records(kvs: KvsServer, kinesis_video: Any) -> None:
    expected = wiring.camera_settings().expected.features("door", {}).image_generation
    assert expected is not None
    destination = {**expected["DestinationConfig"], "DestinationRegion": "us-east-1"}
    kinesis_video.update_image_generation_configuration(
        StreamName="front-door", ImageGenerationConfiguration={**expected, "DestinationConfig": destination}
    )
    put_clip(kvs, a_clip(2), start_ms=time.time_ns() // 1_000_000 - 5000, stream="front-door")

    door = call_api("GET", "/api/cameras")[1]["cameras"][0]

    assert door["configuration"]["drift"] == []
    assert door["lastFragmentAt"] is not None
    assert failed(door) == []


def test_names_start_after_the_cursor() -> None:
    assert [one["stream"] for one in call_api("GET", "/api/cameras", {"cursor": "front-door"})[1]["cameras"]] == [
        "yard"
    ]
    assert call_api("GET", "/api/cameras", {"cursor": "../etc"})[0] == 422


def test_a_current_image_of_the_camera(kvs: KvsServer) -> None:
    put_clip(kvs, a_clip(2), start_ms=time.time_ns() // 1_000_000 - 5000, stream="front-door")

    response = api_response("GET", "/api/cameras/front-door/image")

    assert (response["statusCode"], response["isBase64Encoded"]) == (200, True)
    assert response["headers"]["Content-Type"] == "image/jpeg"
    assert response["headers"]["Cache-Control"] == "private, max-age=15"
    with Image.open(BytesIO(base64.b64decode(response["body"]))) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize(
    ("stream", "status", "code"),
    [
        ("front-door", 404, "NoCameraImage"),
        ("yard", 404, "NoCameraImage"),
        ("attic", 404, "StreamNotSelected"),
        ("nowhere", 404, "StreamGone"),
        ("..%2F..", 422, "InvalidRequest"),
    ],
)
def test_the_reason_for_no_image(stream: str, status: int, code: str) -> None:
    result = call_api("GET", f"/api/cameras/{stream}/image")

    assert (result[0], result[1]["error"]["code"]) == (status, code)
    assert result[1]["error"]["message"]


def test_an_analysis_is_started_listed_and_described() -> None:
    status, started, _ = call_api("POST", "/api/analyses", body=REQUEST | {"SamplingInterval": 2000})
    assert status == 202

    (listed,) = call_api("GET", "/api/analyses")[1]["analyses"]
    assert (listed["analysisId"], listed["startedBy"]) == (started["analysisId"], "ann@example.com")
    status, result, _ = call_api("GET", f"/api/analyses/{started['analysisId']}")
    assert (status, result["status"], result["windows"]) == (200, "RUNNING", {"done": 0, "all": 0})
    document = json.loads(execution(started["analysisId"])["input"])
    assert document == REQUEST | {"SamplingInterval": 2000}


def execution(name: str) -> Any:
    client = boto3.client("stepfunctions")
    machine = client.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    return client.describe_execution(executionArn=machine.replace("stateMachine", "execution") + f":{name}")


def test_a_timelapse_of_an_analysis() -> None:
    first = call_api("POST", "/api/analyses", body=REQUEST)[1]["analysisId"]

    status, timelapse, _ = call_api("POST", f"/api/analyses/{first}/timelapse", body={"FramesPerSecond": 25})

    assert status == 202
    assert json.loads(execution(timelapse["analysisId"])["input"])["Timelapse"] == {"FramesPerSecond": 25}
    assert call_api("POST", "/api/analyses/none/timelapse", body={})[0] == 404


@pytest.mark.parametrize(
    ("changes", "status", "result"),
    [
        ({"StreamName": "attic"}, 404, "not selected"),
        ({"StreamName": "a/b"}, 422, "StreamName"),
        ({"SamplingInterval": 100}, 422, "SamplingInterval"),
        ({"WidthPixels": 100}, 422, "give WidthPixels and HeightPixels together"),
        ({"StartTimestamp": 1_767_268_800_000}, 422, "epoch times are in seconds"),
        ({"Colour": "red"}, 422, "Colour"),
        ({"EndTimestamp": "2026-01-01T11:00:00Z"}, 400, "before StartTimestamp"),
    ],
)
def test_requests_that_cannot_be_analyzed(changes: Any, status: int, result: str) -> None:
    response = call_api("POST", "/api/analyses", body=REQUEST | changes)

    assert response[0] == status
    assert result in response[1]["error"]["message"]
    assert call_api("GET", "/api/analyses")[1]["analyses"] == []


@pytest.mark.parametrize(("name", "status"), [("viewer-none", 404), ("a" * 81, 422), ("a:b", 422)])
def test_missing_analyses(name: str, status: int) -> None:
    assert call_api("GET", f"/api/analyses/{name}")[0] == status
