"""`kinesight rules`: the rules document, checked here and kept in the bucket of a deployed stack."""

from pathlib import Path
from typing import Annotated

import typer
from kinesight.domain.errors import InvalidConfigurationError
from kinesight.domain.rules.document import RulesDocument

from kinesight_cli.options import StackOption, console, errors, explained
from kinesight_cli.rules_summary import difference, summary

rules = typer.Typer(no_args_is_help=True, help="The rules document: what matters on which camera (docs/rules.md).")

SAMPLE = Path(__file__).resolve().parents[2] / "docs" / "rules.sample.json"

FileArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A rules document, JSON (docs/rules.md).")
]


@rules.command()
def check(file: FileArgument) -> None:
    """Say everything that is wrong with a rules document, by line, or what it says. Asks nothing of AWS."""
    _tell(summary(_checked(_text(file), str(file))))


@rules.command()
def put(file: FileArgument, stack: StackOption = "kinesight") -> None:
    """Check a rules document and make it the stack's. It counts within a minute; nothing is deployed."""
    from kinesight_cli import rules_documents

    text = _text(file)
    document = _checked(text, str(file))
    with explained():
        before = rules_documents.fetch(stack)
        rules_documents.put(stack, text)
    _tell(_changes(before, document))
    _tell([f"the rules of {stack} are those of {file} within a minute"])


@rules.command()
def get(stack: StackOption = "kinesight") -> None:
    """Print the stack's rules document as it is."""
    from kinesight_cli import rules_documents

    with explained():
        text = rules_documents.fetch(stack)
    if text is None:
        errors.print(f"{stack} has no rules document: its parameters Labels and MinimumConfidence are the rules")
        raise typer.Exit(1)
    _print(text)


@rules.command()
def sample() -> None:
    """Print a rules document to begin with: a door with a zone, quiet hours, a parking lot."""
    _print(SAMPLE.read_text())


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig", errors="replace")


def _checked(text: str, name: str) -> RulesDocument:
    try:
        return RulesDocument.parse(text)
    except InvalidConfigurationError as error:
        for problem in error.problems:
            errors.print(f"{name}: {problem}", soft_wrap=True, highlight=False, markup=False)
        raise typer.Exit(1) from error


def _changes(before: str | None, after: RulesDocument) -> list[str]:
    if before is None:
        return ["there was no rules document", *summary(after)]
    try:
        return difference(RulesDocument.parse(before), after) or ["nothing is different"]
    except InvalidConfigurationError:
        return ["the document that was there could not be used", *summary(after)]


def _tell(lines: list[str]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _print(text: str) -> None:
    """As it is, for pipes."""
    typer.echo(text, nl=not text.endswith("\n"))
