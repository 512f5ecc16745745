"""The AWS CLI against the emulator; only the endpoint differs."""

import base64
import json
import os
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
from kinesight.media.fragments import read_fragments
from kinesight_local.kvs.server import KvsServer
from PIL import Image

from tests.builders import NOON_MS
from tests.functional.kvs_producer import put_clip
from tests.media import a_clip

AWS = Path(__file__).parents[2] / "scripts/awscli/.venv/bin/aws"
START, END = NOON_MS // 1000, NOON_MS // 1000 + 10
RANGE = f"TimestampRange={{StartTimestamp={START},EndTimestamp={END}}}"


@pytest.fixture(autouse=True)
def installed() -> None:
    assert AWS.exists(), "run `make awscli` first"


def aws(kvs: KvsServer, *arguments: str, fails: bool = False) -> Any:
    """A command's output, as JSON; with `fails`, its error text."""
    command = [str(AWS), *arguments, "--endpoint-url", kvs.url, "--output", "json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert (ended.returncode != 0) == fails, ended.stderr
    return ended.stderr if fails else json.loads(ended.stdout or "{}")


def test_streams(kvs: KvsServer) -> None:
    arn = aws(kvs, "kinesisvideo", "create-stream", "--stream-name", "cam", "--data-retention-in-hours", "2")[
        "StreamARN"
    ]
    aws(kvs, "kinesisvideo", "tag-stream", "--stream-name", "cam", "--tags", "site=north")

    assert aws(kvs, "kinesisvideo", "list-streams")["StreamInfoList"][0]["StreamARN"] == arn
    assert aws(kvs, "kinesisvideo", "list-tags-for-stream", "--stream-name", "cam")["Tags"] == {"site": "north"}
    assert "ResourceInUseException" in aws(kvs, "kinesisvideo", "create-stream", "--stream-name", "cam", fails=True)
    aws(kvs, "kinesisvideo", "delete-stream", "--stream-arn", arn)
    assert "ResourceNotFoundException" in aws(
        kvs, "kinesisvideo", "describe-stream", "--stream-name", "cam", fails=True
    )


def test_media(kvs: KvsServer, kinesis_video: Any, tmp_path: Path) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=2)
    put_clip(kvs, a_clip(2))
    archived = ("kinesis-video-archived-media",)
    named = ("--stream-name", "cam")

    fragments = aws(
        kvs,
        *archived,
        "list-fragments",
        *named,
        "--fragment-selector",
        f"FragmentSelectorType=PRODUCER_TIMESTAMP,{RANGE}",
    )["Fragments"]
    images = aws(
        kvs, *archived, "get-images", *named, "--image-selector-type", "PRODUCER_TIMESTAMP", "--format", "JPEG",
        "--start-timestamp", str(START), "--end-timestamp", str(START + 1), "--sampling-interval", "500",
    )["Images"]  # fmt: skip
    clip, media = tmp_path / "clip.mp4", tmp_path / "media.mkv"
    aws(
        kvs, *archived, "get-clip", *named,
        "--clip-fragment-selector", f"FragmentSelectorType=PRODUCER_TIMESTAMP,{RANGE}", str(clip),
    )  # fmt: skip
    aws(kvs, "kinesis-video-media", "get-media", *named, "--start-selector", "StartSelectorType=EARLIEST", str(media))
    session = aws(kvs, *archived, "get-hls-streaming-session-url", *named)["HLSStreamingSessionURL"]

    assert len(fragments) == 2
    assert [Image.open(BytesIO(base64.b64decode(one["ImageContent"]))).size for one in images] == [(320, 240)] * 3
    with av.open(str(clip), "r") as container:
        assert len(list(container.decode(video=0))) == 20
    assert len(list(read_fragments([media.read_bytes()]))) == 2
    assert session.startswith(kvs.url)
