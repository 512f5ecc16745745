"""Result of a migration: template parameters, a configuration document, and notes on settings without an equivalent."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kinesight.domain import json_text

from kinesight_cli.shared.errors import CommandError

PARAMETERS_FILE = "parameters.json"
DOCUMENT_FILE = "kinesight.json"
REPORT_FILE = "report.md"


class MigrationError(CommandError):
    """The file cannot be migrated."""


@dataclass(frozen=True, slots=True)
class Note:
    """A setting without an exact equivalent, and what to do instead."""

    setting: str
    text: str


@dataclass(frozen=True, slots=True)
class Migration:
    """`document` is a configuration document, or None if parameters suffice. `region` is None if the source does not
    name one."""

    parameters: Mapping[str, str]
    notes: tuple[Note, ...]
    document: Mapping[str, Any] | None = None
    region: str | None = None


def parse_json(text: str) -> Any:
    """Parses the text of a file. Raises MigrationError."""
    try:
        return json_text.parse_json(text)
    except ValueError as error:
        raise MigrationError(f"the file is not valid JSON: {error}") from error


def deploy_line(migration: Migration, *options: str) -> str:
    """Returns the `sam deploy` command for a shell, with these options; run `sam build` before it."""
    region = ["--region", migration.region] if migration.region else []
    values = overrides(migration.parameters)
    return shlex.join(["sam", "deploy", *options, *region, *(["--parameter-overrides", *values] if values else [])])


def overrides(parameters: Mapping[str, str]) -> list[str]:
    """Returns Name=Value for each parameter, as SAM reads it."""
    return [f"{name}={_sam_value(value)}" for name, value in parameters.items()]


def cli_parameters(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Returns the parameters in the format of the AWS CLI."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def _sam_value(value: str) -> str:
    """Quotes a value for SAM, which ends a value at a blank, interprets quotes, and ignores an empty value without
    them.

    SAM cannot express a backslash before a quote or a blank. No value has one: KVS allows neither backslashes nor
    quotes in tags.
    """
    if value and not re.search(r"[\s\"']", value):
        return value
    return '"' + value.replace('"', '\\"') + '"'


def files(migration: Migration) -> dict[str, str]:
    """Returns the text of the files by name; parameters are in the format of the AWS CLI."""
    written = {PARAMETERS_FILE: to_json(cli_parameters(migration.parameters)), REPORT_FILE: report(migration)}
    return written if migration.document is None else written | {DOCUMENT_FILE: to_json(migration.document)}


def report(migration: Migration) -> str:
    """Returns Markdown: the commands, then the settings without an equivalent."""
    steps = ["sam build", deploy_line(migration)]
    if migration.document is not None:
        steps.append(f"kinesight config put {DOCUMENT_FILE}")
    lines = ["# Migration to Kinesight", "", "```", *steps, "```", "", "## Settings without an equivalent"]
    return "\n".join([*lines, "", *_items(migration.notes), ""])


def _items(notes: Sequence[Note]) -> list[str]:
    return [f"- **{note.setting}**: {note.text}" for note in notes]


def to_json(document: object) -> str:
    """Returns the text of a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
