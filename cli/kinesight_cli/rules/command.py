"""`kinesight rules`: validates a rules document, and reads or replaces that of a deployed stack."""

from pathlib import Path
from typing import Annotated

import typer
from kinesight.domain.errors import InvalidConfigurationError
from kinesight.domain.rules.document import RulesDocument

from kinesight_cli.rules.summary import difference, summary
from kinesight_cli.shared.console import errors, print_lines
from kinesight_cli.shared.every_command import changes_account
from kinesight_cli.shared.options import StackOption
from kinesight_cli.shared.paths import PROJECT_DIR

app = typer.Typer(
    name="rules", no_args_is_help=True, help="The rules document: what matches on which camera (docs/rules.md)."
)

SAMPLE = PROJECT_DIR / "docs" / "rules.sample.json"

FileArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Rules document, JSON (docs/rules.md).")
]


@app.command()
def check(file: FileArgument) -> None:
    """Validate a rules document: print every problem with its line, or a summary. Makes no AWS calls."""
    print_lines(*summary(_validated(_text(file), str(file))))


@app.command()
@changes_account
def put(file: FileArgument, stack: StackOption = "kinesight") -> None:
    """Validate a rules document and make it the stack's. It takes effect within a minute, without a deployment."""
    from kinesight_cli.shared import rules_document

    text = _text(file)
    document = _validated(text, str(file))
    before = rules_document.fetch(stack)
    rules_document.put(stack, text)
    print_lines(*_changes(before, document), f"{file} becomes the rules document of the stack {stack} within a minute")


@app.command()
def get(stack: StackOption = "kinesight") -> None:
    """Print the rules document of the stack."""
    from kinesight_cli.shared import rules_document

    text = rules_document.fetch(stack)
    if text is None:
        errors.print(
            f"the stack {stack} has no rules document: its parameters Labels and MinimumConfidence apply. "
            "Add one with kinesight rules put",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    _print(text)


@app.command()
def sample() -> None:
    """Print a sample rules document: a door with a zone, quiet hours, a parking lot."""
    _print(SAMPLE.read_text())


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig", errors="replace")


def _validated(text: str, name: str) -> RulesDocument:
    try:
        return RulesDocument.parse(text)
    except InvalidConfigurationError as error:
        for problem in error.problems:
            errors.print(f"{name}: {problem}", soft_wrap=True)
        raise typer.Exit(1) from error


def _changes(before: str | None, after: RulesDocument) -> list[str]:
    if before is None:
        return ["the stack had no rules document", *summary(after)]
    try:
        return difference(RulesDocument.parse(before), after) or ["no differences from the current document"]
    except InvalidConfigurationError:
        return ["the current document is invalid", *summary(after)]


def _print(text: str) -> None:
    """Prints the text unchanged, for pipes."""
    typer.echo(text, nl=not text.endswith("\n"))
