"""Output of the commands: tables on standard output, errors on standard error."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from kinesight_cli.shared.errors import CommandError

console = Console()
errors = Console(stderr=True)


def print_lines(*lines: str) -> None:
    """Prints lines as they are: not wrapped, highlighted or read as markup."""
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def show(facts: Mapping[str, Any]) -> None:
    """Prints a table of two columns. A mapping of counts takes one line; of a list, the length and the first item."""
    table = Table("", "", show_header=False)
    for name, value in facts.items():
        if value is not None:
            table.add_row(words(name), _text(value))
    console.print(table)


def words(name: str) -> str:
    """imagesGenerated → images generated."""
    return "".join(f" {character.lower()}" if character.isupper() else character for character in name)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(_pair(str(key), one) for key, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return f"{len(value)}, the first: {_text(value[0])}" if value else "none"
    return str(value)


def _pair(name: str, value: Any) -> str:
    return f"{name} × {value}" if isinstance(value, int) else f"{words(name)}: {_text(value)}"


@contextmanager
def reported_errors() -> Iterator[None]:
    """Ends the command with exit code 1 and the message, without a traceback, on errors that the user can fix."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, CommandError) and type(error).__name__ not in _LOCAL_CLOUD_ERRORS:
            raise
        errors.print(f"[red]error:[/red] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from error


_LOCAL_CLOUD_ERRORS = frozenset(
    {
        "AddressUnavailableError",
        "BuildFailedError",
        "DeploymentFailedError",
        "InvalidFaultsError",
        "InvalidTemplateError",
        "UnreadableStateError",
    }
)
"""Errors of `kinesight_local`, by name: importing it takes a second, which every command would pay."""
