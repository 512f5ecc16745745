"""Whatever is missing or wrong, every command ends with a message and no traceback."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kinesight_cli.main import app
from kinesight_cli.shared import aws_session
from moto import mock_aws
from typer.main import get_command
from typer.testing import CliRunner

from tests.scenes import make_scene_video

STARTS_SERVERS = {("demo",), ("local", "up"), ("kvs", "serve")}
"""Commands that ask no account, and run until Ctrl-C or for minutes."""
OFFLINE = {
    *[("estimate",), ("config", "check"), ("config", "sample")],
    *[("migrate", one) for one in ("kit", "rekognition", "parameters")],
}
NEED_NEITHER = {("init",), ("create-stream",)}
"""Commands that need neither a stack nor a stream."""
CHANGES_ACCOUNT = {
    ("redrive",),
    ("create-stream",),
    ("put-video",),
    ("analyze",),
    ("config", "put"),
    ("config", "rollback"),
    ("config", "delete"),
    ("destroy",),
}
VALUES = {
    "stream": "front-door",
    "name": "front-door",
    "identity": "ab" * 16,
    "version": "ab" * 16,
    "begin": "2026-11-20T02:00",
    "end": "2026-11-20T03:00",
}
"""Of required parameters, by name; files come from the fixture."""


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, one in getattr(command, "commands", {"": command}).items():
        yield from leaves(one, (*path, name)) if name else [(path, command)]


COMMANDS = {path: command for path, command in leaves(get_command(app)) if path not in STARTS_SERVERS}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A valid file for each command that reads one."""
    folder = tmp_path_factory.mktemp("files")
    video, document, kit, processor = (
        folder / name for name in ("a.mp4", "kinesight.json", "kit.yaml", "processor.json")
    )
    make_scene_video(video)
    document.write_text(CliRunner().invoke(app, ["config", "sample"]).output)
    kit.write_text("Parameters: {}\n")
    processor.write_text("{}")
    return {
        "put-video": video,
        "config": document,
        "replay": document,
        "kit": kit,
        "rekognition": processor,
        "parameters": processor,
    }


def arguments(path: tuple[str, ...], files: Mapping[str, Path]) -> list[str]:
    """The command with its required parameters."""
    file = str(files.get(path[-1], files.get(path[0], "")))
    found = list(path)
    for one in COMMANDS[path].params:
        if one.required:
            value = VALUES.get(one.name, file)
            found += [value] if one.param_type_name == "argument" else [one.opts[0], value]
    return found


def no_region(patch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        patch.delenv(name, raising=False)


def no_credentials(patch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        patch.delenv(name)


def no_profile(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_PROFILE", "missing")


def closed_endpoint(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    patch.setattr("time.sleep", lambda _: None)  # between attempts


def interrupted(patch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    patch.setattr(aws_session, "session", interrupt)


def defect(patch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a [red]defect[/red]")

    patch.setattr(aws_session, "session", fail)


TROUBLE: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    no_region: "pass --region",
    no_credentials: "pass --profile",
    no_profile: "list-profiles",
    closed_endpoint: "Check the network",
    interrupted: "interrupted",
    defect: "unexpected ZeroDivisionError: a [red]defect[/red]",
}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda one: one.__name__)
def test_trouble_ends_with_a_message(
    path: tuple[str, ...],
    trouble: Callable[[pytest.MonkeyPatch], None],
    files: Mapping[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trouble(monkeypatch)

    ended = CliRunner().invoke(app, arguments(path, files))

    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    assert "Traceback" not in ended.output
    if path not in OFFLINE:
        assert ended.exit_code in ({130} if trouble is interrupted else {1, 2})
        assert TROUBLE[trouble] in " ".join(ended.output.split())


@pytest.mark.parametrize("path", sorted(COMMANDS.keys() - OFFLINE - NEED_NEITHER), ids=" ".join)
@mock_aws
def test_a_stack_or_stream_that_does_not_exist_is_named(path: tuple[str, ...], files: Mapping[str, Path]) -> None:
    ended = CliRunner().invoke(app, arguments(path, files))

    assert ended.exit_code != 0
    assert "Traceback" not in ended.output
    assert "kinesight" in ended.output or VALUES["stream"] in ended.output


def test_debug_raises_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    defect(monkeypatch)

    ended = CliRunner().invoke(app, ["--debug", "config", "get"])

    assert isinstance(ended.exception, ZeroDivisionError)


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_both_variables_choose_the_region(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    no_region(monkeypatch)
    monkeypatch.setenv(variable, "eu-central-1")

    assert aws_session.session().region_name == "eu-central-1"
    assert aws_session.client("kinesisvideo").meta.region_name == "eu-central-1"


def test_the_option_precedes_the_variables_and_ends_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    seen: list[str | None] = []
    monkeypatch.setattr(aws_session, "client", lambda *_, **__: seen.append(aws_session.session().region_name))

    CliRunner().invoke(app, ["config", "get", "--region", "us-west-2"])
    CliRunner().invoke(app, ["config", "get"])

    assert seen == ["us-west-2", "eu-central-1"]


def test_aws_region_precedes_aws_default_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert os.environ["AWS_DEFAULT_REGION"] == "us-east-1"

    assert aws_session.session().region_name == "eu-central-1"


@mock_aws
def test_a_command_that_changes_something_prints_the_account_and_the_region(files: Mapping[str, Path]) -> None:
    changing = [path for path in COMMANDS if path in CHANGES_ACCOUNT]

    printed = [CliRunner().invoke(app, [*arguments(one, files), "--region", "eu-west-1"]).stderr for one in changing]

    assert len(printed) == len(CHANGES_ACCOUNT)
    assert all(one.startswith("account 123456789012, Region eu-west-1\n") for one in printed)


def test_an_endpoint_instead_of_aws_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed_endpoint(monkeypatch)

    assert aws_session.target() == "http://127.0.0.1:1 instead of AWS, Region us-east-1"


def test_the_version_is_printed() -> None:
    ended = CliRunner().invoke(app, ["--version"])

    assert (ended.exit_code, ended.output.split()[0]) == (0, "kinesight")


@pytest.mark.parametrize("path", [("analyze",), ("timelapse",), ("replay",)], ids=" ".join)
@pytest.mark.parametrize("end", ["2026-11-20T02:00", "2026-11-20T03:00+02:00"])
@pytest.mark.parametrize("is_start_last", [False, True])
def test_a_range_that_ends_before_it_starts_is_refused(
    path: tuple[str, ...], end: str, is_start_last: bool, files: Mapping[str, Path]
) -> None:
    line = arguments(path, files)
    line[line.index("--to") + 1] = end
    if is_start_last:
        start = line.index("--from")
        line = [*line[:start], *line[start + 2 :], *line[start : start + 2]]

    ended = CliRunner(env={"COLUMNS": "200"}).invoke(app, line)

    assert ended.exit_code == 2
    assert "is not before --to" in ended.stderr
