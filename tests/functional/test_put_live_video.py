"""`kinesight put-video` from live sources: a camera that is switched off and on again, standard input, Ctrl-C."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight_cli.main import app
from kinesight_local.kvs.server import KvsServer
from typer.testing import CliRunner, Result

from tests.functional.test_put_video import a_file
from tests.media import a_clip
from tests.rtsp_camera import RtspCamera, Video

STREAM = "front-door"
KEYFRAMES = {
    "libx264": {"g": "10", "bf": "0"},
    "libx265": {"x265-params": "keyint=10:bframes=0:log-level=none"},
    "mjpeg": {},
}
"""Options for one keyframe per second."""


class Archive:
    """What KVS has of the stream."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def fragments(self) -> list[Any]:
        try:
            everything = {
                "FragmentSelectorType": "PRODUCER_TIMESTAMP",
                "TimestampRange": {
                    "StartTimestamp": datetime.now(UTC) - timedelta(hours=1),
                    "EndTimestamp": datetime.now(UTC) + timedelta(hours=1),
                },
            }
            return list(self._client.list_fragments(StreamName=STREAM, FragmentSelector=everything)["Fragments"])
        except self._client.exceptions.ResourceNotFoundException:
            return []  # the command creates the stream

    def wait_for(self, number: int, after: datetime) -> None:
        """Waits until so many fragments were recorded after a moment."""
        deadline_s = time.monotonic() + 60
        while (found := sum(one["ProducerTimestamp"] > after for one in self.fragments())) < number:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{found} fragments, not {number}")
            time.sleep(0.05)

    def images(self, begin: datetime, end: datetime) -> int:
        """Number of images that GetImages decodes."""
        found = self._client.get_images(
            StreamName=STREAM,
            ImageSelectorType="PRODUCER_TIMESTAMP",
            StartTimestamp=begin,
            EndTimestamp=end,
            SamplingInterval=200,
            Format="JPEG",
        )["Images"]
        return sum("Error" not in image for image in found)


@pytest.fixture
def archive(kvs: KvsServer, monkeypatch: pytest.MonkeyPatch) -> Archive:
    for service in ("KINESIS_VIDEO", "KINESIS_VIDEO_ARCHIVED_MEDIA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", kvs.url)
    return Archive(boto3.client("kinesis-video-archived-media", endpoint_url=kvs.url))


@pytest.fixture(scope="module")
def video() -> Video:
    return Video(a_clip(2, width=160, height=120), 2000)


@pytest.fixture
def camera(video: Video) -> Iterator[RtspCamera]:
    camera = RtspCamera(video)
    yield camera
    camera.unplug()


def put_video(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["put-video", STREAM, *arguments, "--create", "--fragment-ms", "1000"])


def put_video_until(scenario: Callable[[], None], *arguments: str) -> Result:
    """Runs the command in this thread, and presses Ctrl-C when the scenario, in another one, is over."""

    def run() -> None:
        try:
            scenario()
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=run, daemon=True).start()
    return put_video(*arguments)


@contextmanager
def standard_input(file: Path, *, seconds: int) -> Iterator[None]:
    """Has standard input deliver a file within some seconds."""
    reading, writing = os.pipe()
    before = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)

    def write() -> None:
        data = file.read_bytes()
        step = len(data) // 30 + 1
        with os.fdopen(writing, "wb") as pipe:
            for at in range(0, len(data), step):
                pipe.write(data[at : at + step])
                pipe.flush()
                time.sleep(seconds / 30)

    threading.Thread(target=write, daemon=True).start()
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


def test_a_camera_that_is_switched_off_and_on_gives_images_before_and_after(
    archive: Archive, camera: RtspCamera, video: Video
) -> None:
    begin = datetime.now(UTC)
    moments: list[datetime] = []

    def scenario() -> None:
        archive.wait_for(2, after=begin)
        camera.unplug()
        moments.append(datetime.now(UTC))
        time.sleep(0.5)
        with RtspCamera(video, camera.port):
            moments.append(datetime.now(UTC))
            archive.wait_for(2, after=moments[1])

    done = put_video_until(scenario, camera.url("admin:secret@"))

    assert done.exit_code == 0, done.output
    off, on = moments
    assert archive.images(begin, off) > 0
    assert archive.images(on, datetime.now(UTC)) > 0
    assert "1 interruptions" in done.output
    assert "waiting for rtsp://127.0.0.1" in done.output
    assert "secret" not in done.output


def test_a_camera_that_hangs_up_at_first_is_waited_for(archive: Archive, camera: RtspCamera) -> None:
    begin = datetime.now(UTC)
    camera.is_unplugged = True

    def scenario() -> None:
        while not camera.viewers:
            time.sleep(0.05)
        camera.is_unplugged = False
        archive.wait_for(1, after=begin)

    done = put_video_until(scenario, camera.url())

    assert done.exit_code == 0, done.output
    assert "next attempt in 1 s" in done.output


@pytest.mark.parametrize(
    ("codec", "container", "arguments", "pixels"),
    [
        ("libx264", "mpegts", (), "yuv420p"),
        ("libx265", "mpegts", (), "yuv420p"),
        ("libx264", "h264", ("--input-format", "h264"), "yuv420p"),
        ("mjpeg", "matroska", (), "yuvj420p"),
    ],
)
def test_standard_input(
    archive: Archive, codec: str, container: str, arguments: tuple[str, ...], pixels: str, tmp_path: Path
) -> None:
    begin = datetime.now(UTC)
    file = a_file(tmp_path / "video", codec, seconds=3, container=container, pixels=pixels, options=KEYFRAMES[codec])
    has_times = container != "h264"  # an elementary stream's frames are shown as they arrive

    with standard_input(file, seconds=0 if has_times else 4):
        done = put_video("-", *arguments)

    assert done.exit_code == 0, done.output
    assert f"sending standard input to {STREAM}" in done.output
    assert len(archive.fragments()) >= (2 if has_times else 1)
    assert archive.images(begin, datetime.now(UTC)) > 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nonsense://camera",), "cannot read nonsense://camera: Protocol not found"),
        (("/dev/null",), "cannot read /dev/null"),
        (("-", "--start", "2026-11-20T02:00"), "--start is for files"),
    ],
)
def test_a_source_that_cannot_be_read_ends_with_a_message(
    archive: Archive, arguments: tuple[str, ...], complaint: str
) -> None:
    done = put_video(*arguments)

    assert done.exit_code == 1
    assert complaint in done.output
