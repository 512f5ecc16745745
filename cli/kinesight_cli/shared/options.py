"""Options and arguments that several commands share, and the parsers of their values."""

import enum
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


class SelectorChoice(enum.StrEnum):
    """The two clocks of a stream, as KVS names them."""

    PRODUCER = "PRODUCER_TIMESTAMP"
    SERVER = "SERVER_TIMESTAMP"


def moment(text: str) -> datetime:
    """Parses ISO 8601; a time without an offset is UTC."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a date and time, such as 2026-11-20T02:00 or 2026-11-20T02:00+01:00"
        ) from error
    return read.replace(tzinfo=read.tzinfo or UTC)


def duration_ms(text: str) -> int:
    """Parses 500ms, 2s, 1.5m or 1h into milliseconds; at least 200 ms, the minimum of KVS."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text.strip())
    if match is None or (milliseconds := round(float(match[1]) * _UNITS_MS[match[2]])) < 200:
        raise typer.BadParameter(f"{text!r} is not a duration of at least 200 ms, such as 500ms, 10s or 1m")
    return milliseconds


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a video in pixels."""

    width: int
    height: int


def size(text: str) -> Size:
    """Parses 1280x720."""
    match = re.fullmatch(r"(\d{2,4})[x×](\d{2,4})", text.strip())
    if match is None or int(match[1]) % 2 or int(match[2]) % 2:
        raise typer.BadParameter(f"{text!r} is not a size with an even width and height, such as 1280x720")
    return Size(int(match[1]), int(match[2]))


def stream_name(text: str) -> str:
    """Parses a stream's name (pattern of CreateStream's StreamName)."""
    if re.fullmatch(r"[a-zA-Z0-9_.-]{1,256}", text) is None:
        raise typer.BadParameter(f"{text!r} is not a stream name: 1 to 256 letters, digits, '_', '.' and '-'")
    return text


def pair(text: str) -> tuple[str, str]:
    """Parses NAME=VALUE."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


def _in_order(ctx: typer.Context, parameter: typer.CallbackParam, value: datetime) -> datetime:
    """Of both options, the one that is read last sees the other."""
    times = {**ctx.params, str(parameter.name): value}
    begin, end = times.get("begin"), times.get("end")
    if begin is not None and end is not None and begin >= end:
        raise typer.BadParameter(f"--from {begin.isoformat()} is not before --to {end.isoformat()}")
    return value


StreamArgument = Annotated[str, typer.Argument(help="Name of the stream.")]
FromOption = Annotated[
    datetime,
    typer.Option(
        "--from",
        parser=moment,
        callback=_in_order,
        metavar="WHEN",
        help="Start of the time range; UTC unless it has an offset.",
    ),
]
ToOption = Annotated[
    datetime,
    typer.Option("--to", parser=moment, callback=_in_order, metavar="WHEN", help="End of the time range."),
]
SelectorOption = Annotated[SelectorChoice, typer.Option(help="Clock that the time range refers to.")]
StackOption = Annotated[str, typer.Option("--stack", help="Name of the deployed stack.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
FollowOption = Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for the end and show the summary.")]
ParameterOption = Annotated[
    list[str] | None, typer.Option(help="Parameter of the template, Name=Value; may be repeated.")
]
