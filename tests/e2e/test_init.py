"""From `kinesight init` to the first alert: what it wrote is deployed, and a camera that tags nothing sends video."""

import json
from pathlib import Path

import pytest
from kinesight_cli.main import app
from kinesight_cli.migrate.parameter_file import read_parameters
from kinesight_cli.shared.document_file import read_file
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.server import KvsServer
from typer.testing import CliRunner

from tests.e2e.conftest import ROOT
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.sample_video import write_sample_video

CAMERA = "front-door"


@pytest.fixture(autouse=True)
def clean_environment() -> None:
    """The environment is the test's own."""


def prepared(folder: Path) -> None:
    """The wizard, as a script runs it."""
    options = ["--streams", "front-*", "--detect", "--labels", "Person", "--email", "me@home.example"]
    result = CliRunner().invoke(app, ["init", "--yes", "--json", "--folder", str(folder), *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["streams"] == 1


def test_a_camera_that_tags_nothing_raises_an_alert(
    tmp_path: Path, kvs: KvsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = tmp_path / "demo.mp4"
    write_sample_video(video)
    for service in ("", "_MEDIA", "_ARCHIVED_MEDIA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_KINESIS_VIDEO{service}", kvs.url)
    play(CAMERA, read_video(video), Tagging(), lambda _: None, Pace(create=True))
    prepared(tmp_path)
    parameters = read_parameters((tmp_path / "samconfig.toml").read_text()).parameters
    document = json.loads(read_file(tmp_path / "kinesight.yaml").text)
    assert parameters["LiveStatus"] == "ENABLED"

    with LocalCloud(ROOT, tmp_path / "cloud", parameters, configuration=document) as cloud:
        cloud.ensure_stream(CAMERA)
        cloud.deploy()
        stack = Stack(cloud)
        assert cloud.stack is not None
        conduct = cloud.stack.function_name("ConductLiveFunction")
        cloud.client("lambda").invoke(FunctionName=conduct, Payload=json.dumps({"source": "aws.events"}))
        play(CAMERA, read_video(video), Tagging(), lambda _: None, Pace(realtime=True))
        (alert, *_) = eventually(stack.all_alerts, bool, seconds=120)

    assert alert["streamName"] == CAMERA
    assert "Person" in json.dumps(alert)
