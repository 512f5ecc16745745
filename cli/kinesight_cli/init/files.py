"""Writes what a deployment reads: an environment of samconfig.toml, and kinesight.yaml."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.sam_file import SAM_FILE
from kinesight_cli.shared.yaml_text import to_yaml

DOCUMENT_FILE = "kinesight.yaml"
_OVERRIDES = "parameter_overrides"
_HEAD = "# Settings of all cameras and of each: docs/configuration.md. `kinesight config put` makes them the stack's.\n"


class FileError(CommandError):
    """A file cannot be read or written."""


def write_document(folder: Path, document: Mapping[str, Any], *, overwrite: bool) -> Path:
    """Raises FileError if the file exists and is not to be overwritten."""
    path = folder / DOCUMENT_FILE
    if path.exists() and not overwrite:
        raise FileError(f"{path} exists: pass --force to replace it, or edit it")
    path.write_text(_HEAD + to_yaml(document))
    return path


def write_environment(folder: Path, environment: str, parameters: Mapping[str, str]) -> Path:
    """Sets parameters of an environment, removes those that are empty, and keeps what else the file has.

    Raises FileError.
    """
    path = folder / SAM_FILE
    try:
        document: Any = tomlkit.parse(path.read_text()) if path.exists() else tomlkit.document()
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise FileError(f"cannot read {path}: {error}") from error
    document.setdefault("version", 0.1)
    command = _table(_table(_table(document, environment), "deploy"), "parameters")
    if "stack_name" not in _table(_table(_table(document, environment), "global"), "parameters"):
        name = "kinesight" if environment == "default" else f"kinesight-{environment}"
        document[environment]["global"]["parameters"]["stack_name"] = name
    for key, value in (("capabilities", "CAPABILITY_IAM"), ("resolve_s3", True), ("confirm_changeset", False)):
        command.setdefault(key, value)
    kept = [one for one in command.get(_OVERRIDES, ()) if str(one).partition("=")[0] not in parameters]
    array = tomlkit.array()
    array.extend([*kept, *(override(name, value) for name, value in parameters.items() if value)])
    command[_OVERRIDES] = array.multiline(multiline=True)
    path.write_text(tomlkit.dumps(document))
    return path


def override(name: str, value: str) -> str:
    """NAME=VALUE as SAM reads it: a value with a blank or a quote stands between quotes."""
    if re.search(r"""[\s"'|]""", value):
        return f'{name}="{value.replace(chr(34), chr(92) + chr(34))}"'
    return f"{name}={value}"


def _table(parent: Any, name: str) -> Any:
    if name not in parent:
        parent[name] = tomlkit.table()
    return parent[name]
