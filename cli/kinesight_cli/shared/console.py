"""Output of the commands: tables on standard output, errors on standard error.

Names, labels and messages come from cameras, models and documents: nothing in them is read as markup, and control
characters in them are printed as escapes, so that they cannot change the terminal.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import typer
from kinesight.domain.display_text import escaped
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text


class SafeConsole(Console):
    """A console that neither reads markup nor prints control characters of the text that it is given."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escaped(segment.text), segment.style)


console = SafeConsole()
errors = SafeConsole(stderr=True)


def styled(style: str, words: str, *more: str) -> Text:
    """Words in a style, followed by others without one."""
    return Text.assemble((words, style), *more)


def print_lines(*lines: str) -> None:
    """Prints lines as they are, not wrapped. A line feed in one is printed as an escape, so that text of others cannot
    look like another line."""
    for line in lines:
        console.print(line.replace("\n", "\\n"), soft_wrap=True)


def print_error(message: str) -> None:
    """Prints one error, not wrapped."""
    errors.print(styled("red", "error:", f" {message}"), soft_wrap=True)


def show(facts: Mapping[str, Any], *, as_json: bool = False) -> None:
    """Prints a table of two columns, or JSON. In the table, a mapping of counts takes one line; of a list, there are
    the length and the first item."""
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
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
    return escaped(str(value))


def _pair(name: str, value: Any) -> str:
    return f"{name} × {value}" if isinstance(value, int) else f"{words(name)}: {_text(value)}"
