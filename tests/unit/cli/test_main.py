"""The assembly of the commands."""

import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("module", ["boto3", "av", "kinesight_local"])
def test_help_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, kinesight_cli.main; sys.exit({module!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
