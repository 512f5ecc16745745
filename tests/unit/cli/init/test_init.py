"""`kinesight init`: choices by options or at a terminal, and the files that follow from them."""

import json
import os
import pty
import select
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight_cli.init.files import override, write_environment
from kinesight_cli.main import app
from kinesight_cli.migrate.parameter_file import read_parameters
from kinesight_cli.shared import choices as parse
from kinesight_cli.shared.choices import ChoiceError
from kinesight_cli.shared.document_file import read_file
from kinesight_cli.shared.sam_file import SamFileError, stack_of
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("time.sleep", lambda _: None)


def run(folder: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["init", "--folder", str(folder), *options])


def written(folder: Path, environment: str = "default") -> dict[str, str]:
    return dict(read_parameters((folder / "samconfig.toml").read_text(), environment).parameters)


def test_streams_are_read_live_behind_a_gate_within_a_budget_by_default(tmp_path: Path) -> None:
    result = run(tmp_path, "--yes", "--streams", "front-door, parking-*")

    assert result.exit_code == 0, result.output
    assert written(tmp_path) == {
        "StreamNames": "front-door,parking-*",
        "ImageGenerationStatus": "DISABLED",
        "LiveStatus": "ENABLED",
        "Labels": "Person",
        "DailyBudgetUsd": "2.50",
    }
    document = read_file(tmp_path / "kinesight.yaml").document
    assert isinstance(document, ConfigurationDocument)
    assert document.defaults.gate.mode == "ON"
    assert document.defaults.live.sampling_interval == 10_000
    assert "a month for one camera" in result.output
    assert result.output.rstrip().endswith("make deploy")


@pytest.mark.parametrize(("option", "read"), [(("--streams", "*"), 0), (("--tags", "Floor=1"), 2)])
def test_tags_are_read_only_if_they_decide(
    option: tuple[str, str], read: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Account:
        tags_read = 0

        def get_paginator(self, _: str) -> Any:
            pages = [{"StreamInfoList": [{"StreamName": "front"}, {"StreamName": "back"}]}]
            return SimpleNamespace(paginate=lambda: pages)

        def list_tags_for_stream(self, *, StreamName: str) -> Any:  # noqa: N803 - as boto3 names it
            self.tags_read += 1
            return {"Tags": {"Floor": "1"} if StreamName == "back" else {}}

    account = Account()
    monkeypatch.setattr("kinesight_cli.shared.aws_session.client", lambda _: account)

    result = run(tmp_path, *option, "--json")

    facts, cameras = json.loads(result.output), 1 if read else 2
    assert (account.tags_read, facts["streams"]) == (read, cameras)
    assert facts["parameters"]["DailyBudgetUsd"] == f"{2.5 * cameras:.2f}"


def test_producers_that_tag_have_images_generated(tmp_path: Path) -> None:
    run(tmp_path, "--yes", "--tags", "Location=Front|Parking", "--producers", "tag", "--daily-budget", "none")

    found = written(tmp_path)
    assert (found["ImageGenerationStatus"], found["LiveStatus"]) == ("ENABLED", "DISABLED")
    assert found["SamplingInterval"] == "10000"
    assert found["TagFilters"] == "Location=Front|Parking"
    assert {"StreamNames", "DailyBudgetUsd", "AlertEmail"} & set(found) == set()


def test_json_has_what_was_written_and_its_estimate(tmp_path: Path) -> None:
    result = run(tmp_path, "--yes", "--streams", "*", "--json", "--environment", "home")

    facts = json.loads(result.stdout)
    assert facts["parameters"] == written(tmp_path, "home")
    assert 0 < facts["estimate"]["usdPerMonth"] < facts["estimate"]["fullRateUsdPerMonth"]
    assert facts["deploy"] == "make deploy ENV=home"
    assert stack_of("home", tmp_path) == "kinesight-home"


@pytest.mark.parametrize(("region", "priced"), [("eu-central-1", "eu-central-1"), ("eu-north-1", "us-east-1")])
def test_the_estimate_has_the_prices_of_the_region_if_there_are_any(region: str, priced: str, tmp_path: Path) -> None:
    facts = json.loads(run(tmp_path, "--yes", "--streams", "*", "--json", "--region", region).stdout)["estimate"]

    assert facts["prices"] == f"list prices of {priced}"


def test_the_estimate_needs_no_valid_profile(tmp_path: Path) -> None:
    result = run(tmp_path, "--yes", "--streams", "*", "--profile", "absent")

    assert result.exit_code == 0, result.output
    assert "list prices of us-east-1" in result.output


def test_the_estimate_can_be_repeated_by_the_command_that_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--producers", "tag", "--daily-budget", "2.50", "--email", "a@b.example")
    facts = json.loads(run(tmp_path, "--yes", "--streams", "*", *options, "--json").stdout)["estimate"]
    monkeypatch.chdir(tmp_path)

    _, *command = shlex.split(facts["command"])
    again = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)

    assert round(again["usd"], 2) == facts["usdPerMonth"]
    assert round(again["fullRate"]["usd"], 2) == facts["fullRateUsdPerMonth"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "no cameras are selected"),
        (["--streams", ""], "no cameras are selected"),
        (["--streams", "front door"], "not a list of at most ten stream names"),
        (["--streams", ",".join("abcdefghijk")], "at most ten"),
        (["--tags", "Location"], "not a filter such as"),
        (["--tags", "Location=" + "x" * 192], "at most 200 characters"),
        (["--streams", "a", "--email", "somewhere"], "not an e-mail address"),
        (["--streams", "a", "--daily-budget", "many"], "not an amount of US dollars"),
        (["--streams", "a", "--daily-budget", "-1"], "not an amount of US dollars"),
        (["--streams", "a", "--daily-budget", "-0"], "not an amount of US dollars"),
        (["--streams", "a", "--daily-budget", "0.001"], "not an amount of US dollars"),
        (["--streams", "a", "--daily-budget", "NaN"], "not an amount of US dollars"),
        (["--streams", "a", "--labels", "x" * 201], "at most 200 characters"),
    ],
)
def test_a_choice_that_cannot_be_used_is_named_and_nothing_is_written(
    options: list[str], problem: str, tmp_path: Path
) -> None:
    result = run(tmp_path, "--yes", *options)

    assert result.exit_code == 1
    assert problem in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_document_is_not_replaced_without_force(tmp_path: Path) -> None:
    (tmp_path / "kinesight.yaml").write_text("mine")

    refused = run(tmp_path, "--yes", "--streams", "a")
    assert (refused.exit_code, (tmp_path / "kinesight.yaml").read_text()) == (1, "mine")
    assert "--force" in refused.output
    assert run(tmp_path, "--yes", "--streams", "a", "--force").exit_code == 0


def test_an_environment_keeps_its_other_settings(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text((ROOT / "samconfig.toml").read_text())
    before = tomllib.loads((tmp_path / "samconfig.toml").read_text())
    old = {"StreamNames": "", "TagFilters": "Location=Front", "AlertEmail": "a@b.example"}
    write_environment(tmp_path, "staging", old)
    write_environment(tmp_path, "staging", {"StreamNames": "a", "TagFilters": "", "AlertEmail": "c d@e"})

    text = (tmp_path / "samconfig.toml").read_text()
    after = tomllib.loads(text)
    overrides = after["staging"]["deploy"]["parameters"].pop("parameter_overrides")
    assert overrides == ["StreamNames=a", 'AlertEmail="c d@e"']
    assert after == before
    assert "# sam takes a value with quotes" in text


@pytest.mark.parametrize("value", ["a b", 'a"b', "Location=A|B", "x'y", "plain"])
def test_sam_reads_the_value_that_was_written(value: str, tmp_path: Path) -> None:
    write_environment(tmp_path, "default", {"Labels": value})

    assert written(tmp_path) == {"Labels": value}
    assert override("Labels", "plain") == "Labels=plain"


def test_a_file_without_the_environment_is_an_error(tmp_path: Path) -> None:
    for text in ("", "[", "[home]\nx = 1\n"):
        (tmp_path / "samconfig.toml").write_text(text)
        with pytest.raises(SamFileError):
            stack_of("home", tmp_path)


@pytest.mark.parametrize(("text", "usd"), [("", None), ("none", None), ("$2.50", "2.50"), ("0", "0"), ("10", "10")])
def test_a_budget_is_an_amount_or_none(text: str, usd: str | None) -> None:
    found = parse.daily_budget(text)

    assert (None if found is None else str(found)) == usd
    with pytest.raises(ChoiceError):
        parse.daily_budget("1e400")


def test_a_budget_is_written_as_the_template_accepts_it(tmp_path: Path) -> None:
    assert run(tmp_path, "--yes", "--streams", "a", "--daily-budget", "1e2").exit_code == 0

    assert written(tmp_path)["DailyBudgetUsd"] == "100"


def typed(folder: Path, *choices: str) -> tuple[int, str]:
    """Runs the command in a pseudo-terminal and types the choices; returns its exit code and what it printed."""
    command = [str(Path(sys.executable).with_name("kinesight")), "init", "--folder", str(folder)]
    terminal, side = pty.openpty()
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, close_fds=True)
    os.close(side)
    printed, waiting = "", iter(choices)
    for chunk in _output(terminal):
        printed += chunk
        if printed.rstrip().endswith(":") and (choice := next(waiting, None)) is not None:
            os.write(terminal, f"{choice}\n".encode())
            printed += "\n"
    os.close(terminal)
    return process.wait(timeout=60), printed


def _output(terminal: int) -> Iterator[str]:
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s:
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            chunk = os.read(terminal, 4096) if ready else b""
        except OSError:
            return  # the command has ended
        if ready and not chunk:
            return
        if chunk:
            yield chunk.decode(errors="replace")


def test_a_terminal_prompts_until_each_choice_is_valid(tmp_path: Path) -> None:
    choices = ("front door", "front-*", "perhaps", "dont-tag", "Person,Dog", "me@home.example", "2")
    code, printed = typed(tmp_path, *choices)

    assert code == 0, printed
    assert "not a list of at most ten stream names" in printed
    assert "type one of tag, dont-tag, unknown" in printed
    assert written(tmp_path) == {
        "StreamNames": "front-*",
        "ImageGenerationStatus": "DISABLED",
        "LiveStatus": "ENABLED",
        "Labels": "Person,Dog",
        "AlertEmail": "me@home.example",
        "DailyBudgetUsd": "2",
    }
