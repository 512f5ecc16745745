"""Cameras, their images and analyses as API Gateway asks for them, on the KVS emulator and moto."""

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
from tests.contract.viewer.test_api import answered, ask, deployed  # noqa: F401 - a fixture for every test
from tests.functional.kvs_producer import put_clip
from tests.media import a_clip

ASKED = {
    "StreamName": "front-door",
    "StartTimestamp": "2026-01-01T12:00:00Z",
    "EndTimestamp": "2026-01-01T12:05:00Z",
}
CACHED = [one for module in (wiring, aws_clients) for one in vars(module).values() if hasattr(one, "cache_clear")]


@pytest.fixture(autouse=True)
def fleet(deployed: None, kvs: KvsServer, kinesis_video: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: F811 - asks for the fixture
    """A camera that is selected by its name, one by its tag, and one that is not."""
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


def broken(camera: Any) -> list[str]:
    return [one["cause"] for one in camera["health"] if one["state"] == "broken"]


def test_cameras_with_their_problems() -> None:
    status, answer, _ = ask("GET", "/api/cameras")

    assert (status, answer["cursor"]) == (200, None)
    door, yard = answer["cameras"]
    assert (door["stream"], door["status"], door["lastFragmentAt"]) == ("front-door", "ACTIVE", None)
    assert broken(door) == ["images-not-configured", "no-fragments"]
    assert (yard["stream"], yard["retentionHours"], broken(yard)) == ("yard", 0, ["no-retention"])
    assert door["lastEvent"]["class"] == "ALERT"


def test_a_camera_that_records(kvs: KvsServer, kinesis_video: Any) -> None:
    wanted = wiring.camera_plan().wanted.image_generation
    assert wanted is not None
    destination = {**wanted["DestinationConfig"], "DestinationRegion": "us-east-1"}
    kinesis_video.update_image_generation_configuration(
        StreamName="front-door", ImageGenerationConfiguration={**wanted, "DestinationConfig": destination}
    )
    put_clip(kvs, a_clip(2), start_ms=time.time_ns() // 1_000_000 - 5000, stream="front-door")

    door = ask("GET", "/api/cameras")[1]["cameras"][0]

    assert door["configuration"]["drift"] == []
    assert door["lastFragmentAt"] is not None
    assert broken(door) == []


def test_names_start_after_the_cursor() -> None:
    assert [one["stream"] for one in ask("GET", "/api/cameras", {"cursor": "front-door"})[1]["cameras"]] == ["yard"]
    assert ask("GET", "/api/cameras", {"cursor": "../etc"})[0] == 422


def test_a_current_image_of_the_camera(kvs: KvsServer) -> None:
    put_clip(kvs, a_clip(2), start_ms=time.time_ns() // 1_000_000 - 5000, stream="front-door")

    answer = answered("GET", "/api/cameras/front-door/image")

    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert answer["headers"]["Content-Type"] == "image/jpeg"
    assert answer["headers"]["Cache-Control"] == "private, max-age=15"
    with Image.open(BytesIO(base64.b64decode(answer["body"]))) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize(
    ("stream", "status", "code"),
    [
        ("front-door", 404, "ImageMissing"),
        ("yard", 404, "ImageMissing"),
        ("attic", 404, "StreamUnselected"),
        ("nowhere", 404, "StreamGone"),
        ("..%2F..", 422, "InvalidRequest"),
    ],
)
def test_the_reason_for_no_image(stream: str, status: int, code: str) -> None:
    told = ask("GET", f"/api/cameras/{stream}/image")

    assert (told[0], told[1]["error"]["code"]) == (status, code)
    assert told[1]["error"]["message"]


def test_an_analysis_is_started_listed_and_described() -> None:
    status, started, _ = ask("POST", "/api/analyses", body=ASKED | {"SamplingInterval": 2000})
    assert status == 202

    (listed,) = ask("GET", "/api/analyses")[1]["analyses"]
    assert (listed["analysisId"], listed["startedBy"]) == (started["analysisId"], "ann@example.com")
    status, told, _ = ask("GET", f"/api/analyses/{started['analysisId']}")
    assert (status, told["status"], told["windows"]) == (200, "RUNNING", {"done": 0, "all": 0})
    document = json.loads(execution(started["analysisId"])["input"])
    assert document == ASKED | {"SamplingInterval": 2000}


def execution(name: str) -> Any:
    client = boto3.client("stepfunctions")
    machine = client.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    return client.describe_execution(executionArn=machine.replace("stateMachine", "execution") + f":{name}")


def test_a_timelapse_of_an_analysis() -> None:
    first = ask("POST", "/api/analyses", body=ASKED)[1]["analysisId"]

    status, film, _ = ask("POST", f"/api/analyses/{first}/timelapse", body={"FramesPerSecond": 25})

    assert status == 202
    assert json.loads(execution(film["analysisId"])["input"])["Timelapse"] == {"FramesPerSecond": 25}
    assert ask("POST", "/api/analyses/none/timelapse", body={})[0] == 404


@pytest.mark.parametrize(
    ("changes", "status", "told"),
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
def test_requests_that_cannot_be_analyzed(changes: Any, status: int, told: str) -> None:
    answer = ask("POST", "/api/analyses", body=ASKED | changes)

    assert answer[0] == status
    assert told in answer[1]["error"]["message"]
    assert ask("GET", "/api/analyses")[1]["analyses"] == []


@pytest.mark.parametrize(("name", "status"), [("viewer-none", 404), ("a" * 81, 422), ("a:b", 422)])
def test_missing_analyses(name: str, status: int) -> None:
    assert ask("GET", f"/api/analyses/{name}")[0] == status
