"""Result of a migration: template parameters, a rules document, and notes on settings without an equivalent."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kinesight_cli.shared.errors import CommandError

PARAMETERS_FILE = "parameters.json"
RULES_FILE = "rules.json"
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
    """`rules` is a rules document, or None if parameters suffice. `region` is None if the source does not name one."""

    parameters: Mapping[str, str]
    notes: tuple[Note, ...]
    rules: Mapping[str, Any] | None = None
    region: str | None = None


def parse_json(text: str) -> Any:
    """Parses the text of a file. Raises MigrationError."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise MigrationError(f"the file is not valid JSON: {error}") from error


def deploy_line(migration: Migration) -> str:
    """Returns the `sam deploy` command for a shell; run `sam build` before it."""
    overrides = [f"{name}={_sam_value(value)}" for name, value in migration.parameters.items()]
    region = ["--region", migration.region] if migration.region else []
    return shlex.join(["sam", "deploy", *region, "--parameter-overrides", *overrides])


def _sam_value(value: str) -> str:
    """Quotes a value for SAM, which ends a value at a blank and interprets quotes.

    SAM cannot express a backslash. No value has one: KVS allows neither backslashes nor quotes in tags.
    """
    return '"' + value.replace('"', '\\"') + '"' if " " in value or '"' in value else value


def files(migration: Migration) -> dict[str, str]:
    """Returns the text of the files by name; parameters are in the format of the AWS CLI."""
    pairs = [{"ParameterKey": name, "ParameterValue": value} for name, value in migration.parameters.items()]
    written = {PARAMETERS_FILE: _json(pairs), REPORT_FILE: report(migration)}
    return written if migration.rules is None else written | {RULES_FILE: _json(migration.rules)}


def report(migration: Migration) -> str:
    """Returns Markdown: the commands, then the settings without an equivalent."""
    steps = ["sam build", deploy_line(migration)]
    if migration.rules is not None:
        steps.append(f"kinesight rules put {RULES_FILE}")
    lines = ["# Migration to Kinesight", "", "```", *steps, "```", "", "## Settings without an equivalent"]
    return "\n".join([*lines, "", *_items(migration.notes), ""])


def _items(notes: Sequence[Note]) -> list[str]:
    return [f"- **{note.setting}**: {note.text}" for note in notes]


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
