"""`kinesight image` against the KVS emulator and the local vision service."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kinesight_cli.main import app
from kinesight_local.kvs.server import KvsServer
from kinesight_local.vision.server import VisionServer
from PIL import Image
from typer.testing import CliRunner

from tests.functional.kvs_producer import put_clip
from tests.media import a_clip


@pytest.fixture
def start_ms(kvs: KvsServer, kinesis_video: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """When the video of the stream began: ten seconds ago."""
    for service in ("KINESIS_VIDEO", "KINESIS_VIDEO_ARCHIVED_MEDIA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", kvs.url)
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    begun_ms = round(time.time() * 1000) - 10_000
    put_clip(kvs, a_clip(4), start_ms=begun_ms)
    return begun_ms


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["image", "cam", *arguments])
    return done.exit_code, done.output


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def test_the_image_of_a_moment_is_written(start_ms: int, tmp_path: Path) -> None:
    code, said = run("--at", iso(start_ms + 2000), "--out", str(tmp_path / "x.jpg"), "--json")

    facts = json.loads(said)
    assert (code, facts["at"], "detections" in facts) == (0, iso(start_ms + 2000), False)
    with Image.open(tmp_path / "x.jpg") as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("selector", ["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"])
def test_the_newest_image_goes_to_a_file_of_the_streams_name(
    selector: str, start_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    code, said = run("--selector", selector)

    assert (code, said.startswith("cam.jpg: cam at ")) == (0, True)
    assert (tmp_path / "cam.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_detect_is_one_call(start_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with VisionServer() as vision:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", vision.url)
        code, said = run("--detect", "--out", str(tmp_path / "x.jpg"), "--json")

    assert (code, isinstance(json.loads(said)["detections"], list)) == (0, True)
    assert dict(vision.calls) == {"DetectLabels": 1}


def test_a_moment_without_media_is_an_error_with_the_next_step(start_ms: int, tmp_path: Path) -> None:
    code, said = run("--at", iso(start_ms - 600_000), "--out", str(tmp_path / "x.jpg"))

    assert (code, "NO_MEDIA" in said, "leave out --at" in said) == (1, True, True)
    assert not (tmp_path / "x.jpg").exists()


def test_a_stream_without_media_and_one_that_does_not_exist(kinesis_video: Any, start_ms: int) -> None:
    kinesis_video.create_stream(StreamName="idle", DataRetentionInHours=1)

    idle = CliRunner().invoke(app, ["image", "idle"])
    gone = CliRunner().invoke(app, ["image", "gone"])

    assert (idle.exit_code, "idle got no media in the last hour" in idle.output) == (1, True)
    assert (gone.exit_code, "ResourceNotFoundException" in gone.output) == (1, True)


def test_a_file_that_cannot_be_written_is_named(start_ms: int, tmp_path: Path) -> None:
    code, said = run("--out", str(tmp_path / "nowhere" / "x.jpg"))

    assert (code, "cannot write" in said) == (1, True)
