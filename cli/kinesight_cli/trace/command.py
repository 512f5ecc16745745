"""`kinesight trace`: traces one frame through the pipeline."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinesight_cli.shared.console import console, errors, print_lines
from kinesight_cli.shared.options import JsonOption, StackOption, moment

if TYPE_CHECKING:
    from kinesight_cli.trace.frame_trace import FrameTrace

app = typer.Typer()

_SEARCHED = timedelta(hours=48)
"""Retention of the results stream."""


@app.command()
def trace(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Result, session or alert id, fragment number, STREAM/FRAGMENT, or image key.",
        ),
    ],
    stream: Annotated[str | None, typer.Option(help="Stream of a fragment number.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="WHEN", help="Start of the log search (UTC). Default: 48 hours ago."),
    ] = None,
    stack: StackOption = "kinesight",
    as_json: JsonOption = False,
) -> None:
    """Trace one frame through the pipeline, from the camera to the alert: each step, and why steps are missing."""
    from kinesight_cli.shared.progress import shown_progress
    from kinesight_cli.trace.tracer import TraceRequest, trace_frames

    begin = since or datetime.now(UTC) - _SEARCHED
    with shown_progress(errors) as progress:
        traces = trace_frames(stack, TraceRequest(identity, stream, begin), progress.step)
    if as_json:
        document = {"id": identity, "searchedSince": begin, "frames": [_document(one) for one in traces]}
        typer.echo(json.dumps(document, indent=2, default=_plain))
        return
    for one in traces:
        _show(one)


def _document(found: "FrameTrace") -> dict[str, Any]:
    from kinesight_cli.trace.missing import missing_steps

    frame = found.frame
    return {
        "correlationId": frame.correlation_id,
        "streamName": frame.stream_name,
        "fragmentNumber": frame.fragment_number,
        "resultId": frame.result_id,
        "imageKey": frame.image_key,
        "execution": frame.execution,
        "steps": [{"at": one.at, "place": one.place, "what": one.what, **one.facts} for one in found.steps()],
        "missing": [{"what": what, "why": why} for what, why in missing_steps(found).items()],
    }


def _show(found: "FrameTrace") -> None:
    from rich.table import Table

    from kinesight_cli.trace.missing import missing_steps

    frame = found.frame
    table = Table(title=frame.correlation_id or frame.image_key, title_justify="left")
    for name in ("time (UTC)", "where", "what", ""):
        table.add_column(name, overflow="fold")
    for one in found.steps():
        facts = ", ".join(f"{name} {_plain(value)}" for name, value in one.facts.items())
        table.add_row(_clock(one.at), one.place, one.what, facts)
    console.print(table)
    if frame.result_id is not None:
        console.print(f"result {frame.result_id}")
    print_lines(*(f"no {what}: {why}" for what, why in missing_steps(found).items()))


def _clock(at: datetime | None) -> str:
    return "" if at is None else f"{at:%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
