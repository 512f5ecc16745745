"""Cameras, their images and analyses by the viewer's API, on the deployed stack: as its page asks for them."""

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
from tests.functional.kvs_producer import eventually
from tests.openapi_answers import check_answer, document
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
        "MinimumConfidence": "70",
        "SamplingInterval": "500",
        "SessionClip": "DISABLED",
        "EnableViewer": "ENABLED",
    }
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters) as cloud:
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
def film(tmp_path_factory: pytest.TempPathFactory) -> SourceVideo:
    path = tmp_path_factory.mktemp("film") / "demo.mp4"
    write_sample_video(path)
    return read_video(path)


@pytest.fixture(scope="module")
def recorded(cloud: LocalCloud, film: SourceVideo) -> None:
    """The demo's video, two hours ago by the camera's clock."""
    send(cloud, film, START)


def send(cloud: LocalCloud, film: SourceVideo, start: datetime) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.endpoints.items():
            patch.setenv(name, value)
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        play(STREAM, film, Tagging(image=False), lambda _: None, Pace(start))


def ask(page: httpx.Client, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = page.request(method, path, json=body)
    told = answer.json() if answer.content else None
    check_answer(method, path, answer.status_code, answer.headers["content-type"], told)
    return answer.status_code, told


def ended(page: httpx.Client, identity: str) -> Any:
    """What is told of an analysis once it has ended."""
    deadline = time.monotonic() + 300
    while (told := ask(page, "GET", f"/api/analyses/{identity}")[1])["status"] == "RUNNING":
        assert time.monotonic() < deadline
        assert told["windows"]["done"] <= told["windows"]["all"]
        time.sleep(0.5)
    return told


def test_the_api_describes_itself(page: httpx.Client) -> None:
    assert ask(page, "GET", "/api/openapi.json") == (200, document())


@pytest.mark.usefixtures("recorded")
class TestCameras:
    def test_the_selected_ones_as_they_are_set_up(self, page: httpx.Client) -> None:
        status, told = ask(page, "GET", "/api/cameras")

        assert (status, told["cursor"]) == (200, None)
        camera, empty = told["cameras"]
        assert (camera["stream"], camera["status"], camera["retentionHours"]) == (STREAM, "ACTIVE", 24)
        assert camera["configuration"]["drift"] == []
        assert camera["configuration"]["found"] == camera["configuration"]["wanted"]
        assert camera["lastFragmentAt"] is not None
        checks = {one["check"]: one for one in camera["health"]}
        assert checks["image generation"]["state"] == checks["fragments"]["state"] == "ok"
        # The recording was played two hours late.
        assert checks["clock"]["cause"] == "clock-off"
        assert {one["check"]: one["cause"] for one in empty["health"]}["retention"] == "no-retention"

    def test_what_somebody_changes_is_told(self, cloud: LocalCloud, page: httpx.Client) -> None:
        wanted = ask(page, "GET", "/api/cameras")[1]["cameras"][0]["configuration"]["wanted"]["imageGeneration"]
        kinesis_video = cloud.client("kinesisvideo")
        for interval_ms, drift in ((5000, ["imageGeneration.SamplingInterval"]), (500, [])):
            kinesis_video.update_image_generation_configuration(
                StreamName=STREAM, ImageGenerationConfiguration=wanted | {"SamplingInterval": interval_ms}
            )
            assert ask(page, "GET", "/api/cameras")[1]["cameras"][0]["configuration"]["drift"] == drift

    def test_an_image_of_what_was_sent_last(self, cloud: LocalCloud, page: httpx.Client, film: SourceVideo) -> None:
        send(cloud, film, START + timedelta(hours=1))

        answer = page.get(f"/api/cameras/{STREAM}/image")

        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert datetime.now(UTC) - datetime.fromisoformat(answer.headers["x-image-time"]) < timedelta(hours=3)
        with Image.open(BytesIO(answer.content)) as image:
            assert image.size == (960, 540)

    def test_the_reason_for_no_image(self, page: httpx.Client) -> None:
        for stream, code in (
            ("camera-2", "ImageMissing"),
            ("other", "StreamUnselected"),
            ("gone", "StreamUnselected"),
        ):
            status, told = ask(page, "GET", f"/api/cameras/{stream}/image")
            assert (status, told["error"]["code"]) == (404, code)


@pytest.mark.usefixtures("recorded")
class TestAnalyses:
    def test_a_range_is_analyzed_and_its_results_open(self, page: httpx.Client) -> None:
        status, started = ask(page, "POST", "/api/analyses", RANGE | {"SamplingInterval": 1000})
        assert status == 202

        told = ended(page, started["analysisId"])

        assert (told["status"], told["error"], told["streamName"]) == ("SUCCEEDED", None, STREAM)
        assert told["windows"]["done"] == told["windows"]["all"] > 0
        assert told["found"] == told["summary"]["found"] > 10
        assert told["matched"] == len(told["results"]) > 0
        assert all("Face" in one["labels"] for one in told["results"])
        links = told["results"][0]["links"]
        eventually(lambda: all(httpx.get(link).status_code == 200 for link in links.values()), 60)
        assert httpx.get(links["image"]).headers["content-type"] == "image/jpeg"
        listed = ask(page, "GET", "/api/analyses")[1]["analyses"]
        assert (listed[0]["analysisId"], listed[0]["status"]) == (started["analysisId"], "SUCCEEDED")

        status, film = ask(page, "POST", f"/api/analyses/{started['analysisId']}/timelapse", {"FramesPerSecond": 5})
        assert status == 202
        rendered = ended(page, film["analysisId"])
        assert (rendered["status"], rendered["matched"]) == ("SUCCEEDED", 0)
        assert frames_of(httpx.get(rendered["timelapse"]["link"]).content) == moments_of(rendered["summary"])

    def test_one_that_fails_says_why(self, page: httpx.Client) -> None:
        old = {name: (START - timedelta(hours=1)).isoformat() for name in ("StartTimestamp", "EndTimestamp")}

        told = ended(page, ask(page, "POST", "/api/analyses", RANGE | old)[1]["analysisId"])

        assert told["status"] == "FAILED"
        assert told["error"].startswith("NoMediaError: camera-1 has no media between")

    def test_only_of_selected_cameras(self, page: httpx.Client) -> None:
        status, told = ask(page, "POST", "/api/analyses", RANGE | {"StreamName": "other"})

        assert (status, told["error"]["code"]) == (404, "StreamUnselected")


def frames_of(film: bytes) -> int:
    with av.open(BytesIO(film), "r") as video:
        return len(list(video.decode(video=0)))


def moments_of(summary: Any) -> int:
    """Of the grid: those without an image are frames, too."""
    return int((summary["endMs"] - summary["startMs"]) // summary["intervalMs"]) + 1
