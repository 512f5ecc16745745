"""`kinesight timelapse --direct` against the KVS emulator: no stack, no bucket."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import pytest
from kinesight_cli.main import app
from kinesight_local.kvs.server import KvsServer
from PIL import Image
from typer.testing import CliRunner

from tests.builders import NOON_MS
from tests.functional.kvs_producer import put_clip
from tests.media import a_clip


@pytest.fixture
def stream(kvs: KvsServer, kinesis_video: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    for service in ("KINESIS_VIDEO", "KINESIS_VIDEO_ARCHIVED_MEDIA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", kvs.url)
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)
    return "cam"


def run(begin_ms: int, end_ms: int, *arguments: str) -> Any:
    begin, end = (datetime.fromtimestamp(one / 1000, UTC).isoformat() for one in (begin_ms, end_ms))
    return CliRunner().invoke(app, ["timelapse", "cam", "--from", begin, "--to", end, "--direct", *arguments])


def test_video_and_poster_are_written(stream: str, kvs: KvsServer, kinesis_video: Any, tmp_path: Path) -> None:
    info = kinesis_video.describe_stream(StreamName=stream)["StreamInfo"]
    begin_ms = round(info["CreationTime"].timestamp() * 1000) - 60_000
    put_clip(kvs, a_clip(4), start_ms=begin_ms)

    done = run(begin_ms, begin_ms + 5000, "--every", "1s", "--fps", "5", "--out", str(tmp_path / "day.mp4"), "--json")

    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert (facts["requested"], facts["extracted"], facts["missing"]) == (4, 4, 0)
    with av.open(facts["video"]) as video:
        assert sum(1 for _ in video.decode(video=0)) == 6  # the gap at the end is shown
    with Image.open(facts["poster"]) as poster:
        assert poster.size == (320, 240)


@pytest.mark.parametrize(("file", "problem"), [("day.jpg", "poster image"), ("none/day.mp4", "does not exist")])
def test_files_that_cannot_be_written_are_refused_first(stream: str, tmp_path: Path, file: str, problem: str) -> None:
    done = run(NOON_MS, NOON_MS + 5000, "--out", str(tmp_path / file))

    assert done.exit_code == 1
    assert problem in done.stderr


def test_a_range_without_media_is_named(stream: str, tmp_path: Path) -> None:
    done = run(NOON_MS, NOON_MS + 5000, "--out", str(tmp_path / "day.mp4"))

    assert done.exit_code == 1
    assert "cam" in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "day.mp4").exists()
