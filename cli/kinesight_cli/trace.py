"""`kinesight trace`: one frame's way from the camera to the alert."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinesight_cli.options import JsonOption, StackOption, console, errors, explained, moment

if TYPE_CHECKING:
    from kinesight_cli.trace_way import Way

_SEARCHED = timedelta(hours=48)
"""As long as the results stream keeps records."""


def trace(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A result's, session's or alert's id, a fragment number, STREAM/FRAGMENT, or a picture's key.",
        ),
    ],
    stream: Annotated[str | None, typer.Option(help="The stream of a fragment number.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="WHEN", help="Search log lines since then (UTC); else 48 hours."),
    ] = None,
    stack: StackOption = "kinesight",
    as_json: JsonOption = False,
) -> None:
    """Show one frame's way: recorded, picture, analyzed, result, evidence, session, alert; what is missing, and why."""
    from kinesight_cli import tracing
    from kinesight_cli.progress import shown_progress

    begin = since or datetime.now(UTC) - _SEARCHED
    with explained(), shown_progress(errors) as progress:
        ways = tracing.trace(stack, tracing.Question(identity, stream, begin), progress.step)
    if as_json:
        document = {"id": identity, "searchedSince": begin, "frames": [_document(way) for way in ways]}
        typer.echo(json.dumps(document, indent=2, default=_plain))
        return
    for way in ways:
        _show(way)


def _document(way: "Way") -> dict[str, Any]:
    frame = way.frame
    return {
        "correlationId": frame.correlation_id,
        "streamName": frame.stream_name,
        "fragmentNumber": frame.fragment_number,
        "resultId": frame.result_id,
        "imageKey": frame.image_key,
        "execution": frame.execution,
        "steps": [{"at": one.at, "place": one.place, "what": one.what, **one.facts} for one in way.steps()],
        "missing": [{"what": what, "why": why} for what, why in way.missing().items()],
    }


def _show(way: "Way") -> None:
    from rich.table import Table

    frame = way.frame
    table = Table(title=frame.correlation_id or frame.image_key, title_justify="left")
    for name in ("time (UTC)", "where", "what", ""):
        table.add_column(name, overflow="fold")
    for one in way.steps():
        facts = ", ".join(f"{name} {_plain(value)}" for name, value in one.facts.items())
        table.add_row(_clock(one.at), one.place, one.what, facts)
    console.print(table)
    if frame.result_id is not None:
        console.print(f"result {frame.result_id}", highlight=False)
    for what, why in way.missing().items():
        console.print(f"no {what}: {why}", soft_wrap=True, highlight=False, markup=False)


def _clock(at: datetime | None) -> str:
    return "" if at is None else f"{at:%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
