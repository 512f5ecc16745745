"""Cameras, their images and analyses through the viewer's API, on the deployed stack."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import av
import httpx
import pytest
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import SourceVideo, read_video
from kinesight_local.cloud import LocalCloud
from PIL import Image

from tests.e2e.conftest import ROOT
from tests.emulators import use_local_cloud
from tests.functional.kvs_producer import eventually
from tests.openapi_responses import check_response, document
from tests.sample_video import write_sample_video

STREAM = "camera-1"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
RANGE = {
    "StreamName": STREAM,
    "StartTimestamp": START.isoformat(),
    "EndTimestamp": (START + timedelta(seconds=30)).isoformat(),
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {
        "StreamNames": "camera-*",
        "Labels": "Face",
        "SamplingInterval": "500",
        "ViewerUserEmail": "viewer@example.com",
    }
    document = {"schemaVersion": 1, "defaults": {"minimumConfidence": 70}}
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters, configuration=document) as cloud:
        kinesis_video = cloud.client("kinesisvideo")
        kinesis_video.create_stream(StreamName=STREAM, DataRetentionInHours=24)
        kinesis_video.create_stream(StreamName="camera-2", DataRetentionInHours=0)
        kinesis_video.create_stream(StreamName="other", DataRetentionInHours=24)
        cloud.deploy()
        yield cloud


@pytest.fixture(scope="module")
def page(cloud: LocalCloud) -> Iterator[httpx.Client]:
    assert cloud.viewer is not None
    headers = {"Authorization": f"Bearer {cloud.viewer.token}"}
    with httpx.Client(base_url=cloud.viewer.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> SourceVideo:
    path = tmp_path_factory.mktemp("video") / "demo.mp4"
    write_sample_video(path)
    return read_video(path)


@pytest.fixture(scope="module")
def recorded(cloud: LocalCloud, video: SourceVideo) -> None:
    """Sends the demo's video, two hours ago by the camera's clock."""
    send(cloud, video, START)


def send(cloud: LocalCloud, video: SourceVideo, start: datetime) -> None:
    with pytest.MonkeyPatch.context() as patch:
        use_local_cloud(cloud, patch)
        play(STREAM, video, Tagging(image=False), lambda _: None, Pace(start))


def call_api(page: httpx.Client, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    response = page.request(method, path, json=body)
    result = response.json() if response.content else None
    check_response(method, path, response.status_code, response.headers["content-type"], result)
    return response.status_code, result


def ended(page: httpx.Client, identity: str) -> Any:
    """Returns an analysis once it has ended."""
    deadline = time.monotonic() + 300
    while (result := call_api(page, "GET", f"/api/analyses/{identity}")[1])["status"] == "RUNNING":
        assert time.monotonic() < deadline
        assert result["windows"]["done"] <= result["windows"]["all"]
        time.sleep(0.5)
    return result


def test_the_api_describes_itself(page: httpx.Client) -> None:
    assert call_api(page, "GET", "/api/openapi.json") == (200, document())


@pytest.mark.usefixtures("recorded")
class TestCameras:
    def test_selected_cameras_have_their_configuration(self, page: httpx.Client) -> None:
        status, result = call_api(page, "GET", "/api/cameras")

        assert (status, result["cursor"]) == (200, None)
        camera, empty = result["cameras"]
        assert (camera["stream"], camera["status"], camera["retentionHours"]) == (STREAM, "ACTIVE", 24)
        assert camera["configuration"]["drift"] == []
        assert camera["configuration"]["found"] == camera["configuration"]["expected"]
        assert camera["lastFragmentAt"] is not None
        checks = {one["check"]: one for one in camera["health"]}
        assert checks["image generation"]["status"] == checks["fragments"]["status"] == "ok"
        # The recording was played two hours late.
        assert checks["clock"]["cause"] == "clock-off"
        assert {one["check"]: one["cause"] for one in empty["health"]}["retention"] == "no-retention"

    def test_a_changed_configuration_is_reported(self, cloud: LocalCloud, page: httpx.Client) -> None:
        expected = call_api(page, "GET", "/api/cameras")[1]["cameras"][0]["configuration"]["expected"][
            "imageGeneration"
        ]
        kinesis_video = cloud.client("kinesisvideo")
        for interval_ms, drift in ((5000, ["imageGeneration.SamplingInterval"]), (500, [])):
            kinesis_video.update_image_generation_configuration(
                StreamName=STREAM, ImageGenerationConfiguration=expected | {"SamplingInterval": interval_ms}
            )
            assert call_api(page, "GET", "/api/cameras")[1]["cameras"][0]["configuration"]["drift"] == drift

    def test_an_image_of_the_newest_media(self, cloud: LocalCloud, page: httpx.Client, video: SourceVideo) -> None:
        send(cloud, video, START + timedelta(hours=1))

        response = page.get(f"/api/cameras/{STREAM}/image")

        assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg")
        assert datetime.now(UTC) - datetime.fromisoformat(response.headers["x-image-time"]) < timedelta(hours=3)
        with Image.open(BytesIO(response.content)) as image:
            assert image.size == (960, 540)

    def test_the_reason_for_no_image(self, page: httpx.Client) -> None:
        for stream, code in (
            ("camera-2", "NoCameraImage"),
            ("other", "StreamNotSelected"),
            ("gone", "StreamNotSelected"),
        ):
            status, result = call_api(page, "GET", f"/api/cameras/{stream}/image")
            assert (status, result["error"]["code"]) == (404, code)


@pytest.mark.usefixtures("recorded")
class TestAnalyses:
    def test_a_range_is_analyzed_and_its_links_are_valid(self, page: httpx.Client) -> None:
        status, started = call_api(page, "POST", "/api/analyses", RANGE | {"SamplingInterval": 1000})
        assert status == 202

        result = ended(page, started["analysisId"])

        assert (result["status"], result["error"], result["streamName"]) == ("SUCCEEDED", None, STREAM)
        assert result["windows"]["done"] == result["windows"]["all"] > 0
        assert result["found"] == result["summary"]["extracted"] > 10
        assert result["matched"] == len(result["results"]) > 0
        assert all("Face" in one["labels"] for one in result["results"])
        links = result["results"][0]["links"]
        eventually(lambda: all(httpx.get(link).status_code == 200 for link in links.values()), 60)
        assert httpx.get(links["image"]).headers["content-type"] == "image/jpeg"
        listed = call_api(page, "GET", "/api/analyses")[1]["analyses"]
        assert (listed[0]["analysisId"], listed[0]["status"]) == (started["analysisId"], "SUCCEEDED")

        status, video = call_api(
            page, "POST", f"/api/analyses/{started['analysisId']}/timelapse", {"FramesPerSecond": 5}
        )
        assert status == 202
        rendered = ended(page, video["analysisId"])
        assert (rendered["status"], rendered["matched"]) == ("SUCCEEDED", 0)
        assert frames_of(httpx.get(rendered["timelapse"]["link"]).content) == moments_of(rendered["summary"])

    def test_a_failed_analysis_has_its_error(self, page: httpx.Client) -> None:
        old = {name: (START - timedelta(hours=1)).isoformat() for name in ("StartTimestamp", "EndTimestamp")}

        result = ended(page, call_api(page, "POST", "/api/analyses", RANGE | old)[1]["analysisId"])

        assert result["status"] == "FAILED"
        assert result["error"].startswith("NoMediaError: camera-1 has no media between")

    def test_only_of_selected_cameras(self, page: httpx.Client) -> None:
        status, result = call_api(page, "POST", "/api/analyses", RANGE | {"StreamName": "other"})

        assert (status, result["error"]["code"]) == (404, "StreamNotSelected")


def frames_of(video: bytes) -> int:
    with av.open(BytesIO(video), "r") as container:
        return len(list(container.decode(video=0)))


def moments_of(summary: Any) -> int:
    """Returns the number of grid points: those without an image count, too."""
    return int((summary["endMs"] - summary["startMs"]) // summary["intervalMs"]) + 1
