"""The assembly of the commands."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kinesight_cli
import pytest
from kinesight_cli.main import COMMANDS, app
from typer.main import get_command

PACKAGE = Path(kinesight_cli.__file__).parent


def test_every_command_folder_is_listed() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/command.py")} == set(COMMANDS)


def test_every_folder_adds_a_command_of_its_name() -> None:
    names = set(getattr(get_command(app), "commands", {}))

    assert names == {folder.replace("_", "-") for folder in COMMANDS}


WITHOUT_FACTS = {
    *("put-video", "local up", "kvs serve", "destroy"),
    *("config sample", "config check", "config put", "config rollback", "config delete"),
    *("migrate kit", "migrate rekognition"),
}
"""They print files, documents, or that something is done."""


def test_every_command_that_prints_facts_can_print_json() -> None:
    without = {name for name, command in _commands(get_command(app)) if "--json" not in _options(command)}

    assert without == WITHOUT_FACTS


def _commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, one in getattr(group, "commands", {}).items():
        yield from _commands(one, f"{path}{name} ") if hasattr(one, "commands") else [(path + name, one)]


def _options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("module", ["boto3", "av", "kinesight_local"])
def test_help_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, kinesight_cli.main; sys.exit({module!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
