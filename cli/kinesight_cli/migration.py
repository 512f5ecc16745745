"""What a move to Kinesight comes to: parameters of template.yaml, a rules document, and what is said of the rest."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PARAMETERS_FILE = "parameters.json"
RULES_FILE = "rules.json"
REPORT_FILE = "report.md"


class MigrationError(Exception):
    """The file can't be migrated; the message says what is wrong with it and what to do."""


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a setting that has no equal here, and what to do instead."""

    of: str
    said: str


@dataclass(frozen=True, slots=True)
class Migration:
    """`rules` is a rules document, or None where the parameters say it all. `region` is None where nothing names it."""

    parameters: Mapping[str, str]
    notes: tuple[Note, ...]
    rules: Mapping[str, Any] | None = None
    region: str | None = None


def object_of(text: str) -> Any:
    """The JSON in a file. Raises MigrationError."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise MigrationError(f"the file is not JSON: {error}") from error


def deploy_line(migration: Migration) -> str:
    """For a shell. `sam build` comes before it."""
    overrides = [f"{name}={_sam_value(value)}" for name, value in migration.parameters.items()]
    region = ["--region", migration.region] if migration.region else []
    return shlex.join(["sam", "deploy", *region, "--parameter-overrides", *overrides])


def _sam_value(value: str) -> str:
    """SAM ends a value at a blank and takes quotes for its own. It has no way to write a backslash; no value here has
    one, since KVS allows neither it nor quotes in tags."""
    return '"' + value.replace('"', '\\"') + '"' if " " in value or '"' in value else value


def files(migration: Migration) -> dict[str, str]:
    """What is written, by name; parameters in the form of the AWS CLI."""
    pairs = [{"ParameterKey": name, "ParameterValue": value} for name, value in migration.parameters.items()]
    written = {PARAMETERS_FILE: _json(pairs), REPORT_FILE: report(migration)}
    return written if migration.rules is None else written | {RULES_FILE: _json(migration.rules)}


def report(migration: Migration) -> str:
    """Markdown: the commands, then what has no equivalent."""
    steps = ["sam build", deploy_line(migration)]
    if migration.rules is not None:
        steps.append(f"kinesight rules put {RULES_FILE}")
    lines = ["# Moving to Kinesight", "", "```", *steps, "```", "", "## What has no equivalent, and what to do instead"]
    return "\n".join([*lines, "", *_told(migration.notes), ""])


def _told(notes: Sequence[Note]) -> list[str]:
    return [f"- **{note.of}**: {note.said}" for note in notes]


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
