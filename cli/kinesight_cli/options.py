"""What the commands share: options as people write them, errors as they read them."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

console = Console()
errors = Console(stderr=True)

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


class SelectorChoice(enum.StrEnum):
    """The two clocks of a stream."""

    PRODUCER = "PRODUCER_TIMESTAMP"
    SERVER = "SERVER_TIMESTAMP"


def moment(text: str) -> datetime:
    """ISO 8601; UTC unless it says otherwise."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no date and time, such as 2026-11-20T02:00 or 2026-11-20T02:00+01:00"
        ) from error
    return read.replace(tzinfo=read.tzinfo or UTC)


def duration_ms(text: str) -> int:
    """500ms, 2s, 1.5m, 1h; at least KVS's 200 ms."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text.strip())
    if match is None or (milliseconds := round(float(match[1]) * _UNITS_MS[match[2]])) < 200:
        raise typer.BadParameter(f"{text!r} is no time of at least 200 ms, such as 500ms, 10s or 1m")
    return milliseconds


@dataclass(frozen=True, slots=True)
class Size:
    """Sides in pixels."""

    width: int
    height: int


def size(text: str) -> Size:
    """1280x720."""
    match = re.fullmatch(r"(\d{2,4})[x×](\d{2,4})", text.strip())
    if match is None or int(match[1]) % 2 or int(match[2]) % 2:
        raise typer.BadParameter(f"{text!r} is no size with two even sides, such as 1280x720")
    return Size(int(match[1]), int(match[2]))


def pair(text: str) -> tuple[str, str]:
    """NAME=VALUE."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


StreamArgument = Annotated[str, typer.Argument(help="The stream's name.")]
FromOption = Annotated[
    datetime,
    typer.Option("--from", parser=moment, metavar="WHEN", help="Where the range begins; UTC unless it says otherwise."),
]
ToOption = Annotated[datetime, typer.Option("--to", parser=moment, metavar="WHEN", help="Where it ends.")]
SelectorOption = Annotated[SelectorChoice, typer.Option(help="Whose clock.")]
StackOption = Annotated[str, typer.Option(help="The deployed stack.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for machines, instead of a table.")]
FollowOption = Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for the end and show what came of it.")]


def words(name: str) -> str:
    """imagesGenerated → images generated."""
    return "".join(f" {character.lower()}" if character.isupper() else character for character in name)


def show(facts: Mapping[str, Any]) -> None:
    """A table of two columns: counts by name in one line, of a list how many there are and the first."""
    table = Table("", "", show_header=False)
    for name, value in facts.items():
        if value is not None:
            table.add_row(words(name), _told(value))
    console.print(table)


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(_pair(str(key), one) for key, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return f"{len(value)}, the first: {_told(value[0])}" if value else "none"
    return str(value)


def _pair(name: str, value: Any) -> str:
    return f"{name} × {value}" if isinstance(value, int) else f"{words(name)}: {_told(value)}"


class explained:  # noqa: N801 - used like a function
    """Errors that a person can do something about end the command with a sentence, not a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and type(error).__name__ in _EXPLAINED:
            errors.print(f"[red]error:[/red] {error}", soft_wrap=True, highlight=False)
            raise typer.Exit(1) from error


_EXPLAINED = frozenset(
    {
        "AddressUnavailableError",
        "AnalysisError",
        "BuildFailedError",
        "InvalidFaultsError",
        "DeploymentFailedError",
        "InvalidTemplateError",
        "MigrationError",
        "PricesError",
        "ProducerError",
        "RedriveError",
        "ResultsError",
        "RulesDocumentError",
        "StackError",
        "TraceError",
        "UnreadableStateError",
        "UnusableVideoError",
        "WorkloadError",
    }
)
