"""Asks the five questions at a terminal; an invalid answer is asked again."""

from collections.abc import Callable

import typer

from kinesight_cli.init.answers import AnswerError, Producers
from kinesight_cli.init.fleet import Stream
from kinesight_cli.shared.console import errors, neutral, print_lines

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


def ask[T](question: str, parse: Callable[[str], T], default: str) -> T:
    """Returns the first valid answer."""
    while True:
        answer = typer.prompt(question, default=default, show_default=bool(default))
        try:
            return parse(answer)
        except AnswerError as error:
            errors.print(neutral(str(error)), soft_wrap=True)


def producers(answer: str) -> Producers:
    """Raises AnswerError."""
    try:
        return Producers(answer.strip().casefold())
    except ValueError as error:
        raise AnswerError(f"answer {', '.join(Producers)}") from error
