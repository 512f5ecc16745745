"""Converts the parameters of an earlier version of Kinesight to those of this one and a configuration document."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kinesight_local.template import read_template
from rich.table import Column, Table

from kinesight_cli.migrate.former_channels import channel_notes
from kinesight_cli.migrate.former_parameters import CLASS_NAMES_FILE, FORMER_NAMES, NOT_IN_DOCUMENT, converted, places
from kinesight_cli.migrate.migration import DOCUMENT_FILE, Migration, MigrationError, deploy_line, to_json
from kinesight_cli.migrate.parameter_file import DEFAULT_ENVIRONMENT, ParameterFile, read_parameters
from kinesight_cli.shared.console import console
from kinesight_cli.shared.paths import TEMPLATE

_LONGEST = 40
"""Characters of a value that is printed."""


@dataclass(frozen=True, slots=True)
class ParameterMigration:
    """`places`: where each parameter of the file went, or why it is omitted."""

    file: ParameterFile
    migration: Migration
    places: Mapping[str, str]

    @property
    def files(self) -> dict[str, str]:
        """The text of the files by name: parameters in the format of the file, and the document if there is one."""
        written = {self.file.name: self.file.render(self.migration.parameters)}
        document = self.migration.document
        return written if document is None else written | {DOCUMENT_FILE: to_json(document)}

    def commands(self, output: Path) -> list[str]:
        """Lines for a shell. The document comes first, so that functions have it when they are replaced."""
        deploy = ["sam build", deploy_line(self.migration, *self.file.sam_options)]
        if self.migration.document is None:
            return deploy
        options = [*_option("--stack", self.file.stack_name), *_option("--region", self.file.region)]
        put = shlex.join(["kinesight", "config", "put", str(output / DOCUMENT_FILE), *options])
        return [
            "# This replaces the stack's document. If there is one (kinesight config get), add its content to the file",
            put,
            *deploy,
        ]


def migrate_parameters(
    text: str, environment: str = DEFAULT_ENVIRONMENT, class_names: str | None = None
) -> ParameterMigration:
    """Converts the text of a file. `class_names`: the text of the file that ModelLabelsUri names.

    Raises MigrationError for another kind of file, unknown names and invalid values.
    """
    file = read_parameters(text, environment)
    _check_names(file.parameters)
    given = dict(file.parameters)
    if class_names is not None:
        if not given.get(CLASS_NAMES_FILE):
            raise MigrationError(f"the file has no {CLASS_NAMES_FILE}: leave out --class-names")
        given[CLASS_NAMES_FILE] = class_names
    kept, document = converted(given)
    notes = tuple(channel_notes(given))
    return ParameterMigration(file, Migration(kept, notes, document, file.region), places(given))


def show_places(found: ParameterMigration) -> None:
    """Prints a row for each parameter of the file."""
    table = Table(Column("parameter", no_wrap=True), "value", "now")
    for name, place in found.places.items():
        table.add_row(name, _short(found.file.parameters[name]), place)
    console.print(table)


def _check_names(names: Iterable[str]) -> None:
    known = set(read_template(TEMPLATE)["Parameters"]) | FORMER_NAMES | NOT_IN_DOCUMENT
    unknown = sorted(set(names) - known)
    if unknown:
        raise MigrationError(
            f"the template has and had no parameter {', '.join(unknown)}: CHANGELOG.md lists renamed parameters. "
            "Correct or remove them in the file"
        )


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"


def _option(name: str, value: str | None) -> list[str]:
    return [name, value] if value else []
