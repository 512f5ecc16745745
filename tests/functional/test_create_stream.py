"""`kinesight create-stream` against the KVS emulator."""

import json
from typing import Any

import pytest
from kinesight_cli.main import app
from kinesight_local.kvs.server import KvsServer
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def endpoint(kvs: KvsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS_VIDEO", kvs.url)


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["create-stream", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_a_stream_is_created_with_retention_and_tags(kinesis_video: Any) -> None:
    code, printed, warned = run("front-door", "--retention-hours", "48", "--tag", "kinesight=prod", "--tag", "floor=1")

    assert (code, "warning" in warned) == (0, False)
    assert "front-door: created; ACTIVE, retention 48 hours\nNext: kinesight put-video front-door" in printed
    assert kinesis_video.describe_stream(StreamName="front-door")["StreamInfo"]["DataRetentionInHours"] == 48
    tags = kinesis_video.list_tags_for_stream(StreamName="front-door")["Tags"]
    assert tags == {"kinesight": "prod", "floor": "1"}


def test_an_existing_stream_is_left_as_it_is(kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="front-door", DataRetentionInHours=2)

    code, printed, warned = run("front-door", "--tag", "floor=1", "--json")

    facts = json.loads(printed)
    assert (code, facts["created"], facts["status"], facts["retentionHours"]) == (0, False, "ACTIVE", 2)
    assert "the retention is 2 hours, not 24" in warned
    assert kinesis_video.list_tags_for_stream(StreamName="front-door")["Tags"] == {}


@pytest.mark.parametrize("exists", [True, False])
def test_without_retention_there_is_a_warning_with_the_fix(kinesis_video: Any, exists: bool) -> None:
    if exists:
        kinesis_video.create_stream(StreamName="front-door")

    code, _, warned = run("front-door", "--retention-hours", "0")

    assert code == 0
    assert "KVS generates no images" in warned
    assert "update-data-retention --stream-name front-door" in warned


@pytest.mark.parametrize("arguments", [("front door",), ("front-door", "--tag", "nonsense"), ("x" * 257,)])
def test_an_invalid_name_or_tag_is_rejected(arguments: tuple[str, ...]) -> None:
    code, _, complaint = run(*arguments)

    assert code == 2
    assert "is not" in complaint
