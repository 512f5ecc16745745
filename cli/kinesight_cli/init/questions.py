"""Prompts for the five choices at a terminal, again after an invalid one."""

from collections.abc import Callable

import typer
from kinesight.domain.display_text import escaped

from kinesight_cli.init.fleet import Stream
from kinesight_cli.shared.choices import ChoiceError, Producers
from kinesight_cli.shared.console import errors, print_lines

_SHOWN = 30


def show_streams(known: list[Stream]) -> None:
    """Prints the account's streams with their tags."""
    if not known:
        print_lines("This account has no streams in this Region yet; streams that are created later are attached too.")
        return
    print_lines(f"Streams of the account ({len(known)}):")
    for one in known[:_SHOWN]:
        tags = ", ".join(f"{name}={value}" for name, value in sorted(one.tags.items()))
        print_lines(f"  {one.name}" + (f"  ({tags})" if tags else ""))
    if len(known) > _SHOWN:
        print_lines(f"  … and {len(known) - _SHOWN} more")


def prompt[T](question: str, parse: Callable[[str], T], default: str) -> T:
    """Returns the first valid choice."""
    while True:
        text = typer.prompt(question, default=default, show_default=bool(default))
        try:
            return parse(text)
        except ChoiceError as error:
            errors.print(escaped(str(error)), soft_wrap=True)


def producers(text: str) -> Producers:
    """Raises ChoiceError."""
    try:
        return Producers(text.strip().casefold())
    except ValueError as error:
        raise ChoiceError(f"type one of {', '.join(Producers)}") from error
