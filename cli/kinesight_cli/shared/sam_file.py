"""Reads samconfig.toml of the current folder."""

import tomllib
from pathlib import Path

from kinesight_cli.shared.errors import CommandError

SAM_FILE = "samconfig.toml"


class SamFileError(CommandError):
    """The file cannot be read, or has no stack of the environment."""


def stack_of(environment: str, folder: Path = Path()) -> str:
    """Returns the name of an environment's stack. Raises SamFileError."""
    path = folder / SAM_FILE
    try:
        found = tomllib.loads(path.read_text())[environment]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SamFileError(f"cannot read {path}: {error}") from error
    except KeyError as error:
        raise SamFileError(f"{path} has no environment {environment}: run kinesight init, or pass --stack") from error
    for command in ("deploy", "global"):
        name = found.get(command, {}).get("parameters", {}).get("stack_name")
        if name:
            return str(name)
    raise SamFileError(f"{path} names no stack of the environment {environment}: pass --stack")
