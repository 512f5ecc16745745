"""`kinesight redrive`: dead letters, sent again."""

import enum
import json
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.options import JsonOption, StackOption, console, errors, explained

if TYPE_CHECKING:
    from kinesight_cli.redriving import Report


class PlaceChoice(enum.StrEnum):
    """Where dead letters lie."""

    IMAGES = "images"
    NOTIFICATIONS = "notifications"
    SESSION_CLIPS = "session-videos"
    EVIDENCE = "evidence"
    SESSIONS = "sessions"
    LIVE = "live"
    EXECUTIONS = "executions"


def redrive(
    queue: Annotated[
        list[PlaceChoice] | None, typer.Option(help="Only these dead letters; may be repeated. Else all.")
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option(help="Only letters with this reason, such as DetectorRejectedError; may be repeated."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="Most letters that are looked at in one place.")
    ] = 1000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show what would be done.")] = False,
    stack: StackOption = "kinesight",
    as_json: JsonOption = False,
) -> None:
    """Send again what ended in dead letters: messages, results, live keyframes, failed executions.

    What was done already has no second effect. A letter is deleted when its message was taken, so nothing is lost if
    this is interrupted. Ends with 1 if a letter stayed.
    """
    from kinesight_cli.progress import shown_progress
    from kinesight_cli.redriving import Wish
    from kinesight_cli.redriving import redrive as drive

    wish = Wish([one.value for one in queue or ()], reason or (), limit, dry_run)
    with explained(), shown_progress(errors) as progress:
        shown: list[str] = []

        def tell(place: str, done: int, total: int) -> None:
            if place not in shown:
                shown.append(place)
                progress.step(f"{place}: {total} letters")
            progress.amount("letters", done, total)

        report = drive(stack, wish, tell)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        _show(report, wish.limit, dry_run=dry_run)
    if report.stayed:
        raise typer.Exit(1)


def _show(report: "Report", limit: int, *, dry_run: bool) -> None:
    if report.groups:
        _show_groups(report, dry_run=dry_run)
    for place, found in report.found.items():
        if found >= limit:
            console.print(f"{place}: the first {limit} were looked at; run it again for more, or raise --limit")
    if not any(report.found.values()):
        console.print("there are no dead letters")
    else:
        console.print("nothing was changed" if dry_run else f"{report.sent} sent again, {report.stayed} stayed")


def _show_groups(report: "Report", *, dry_run: bool) -> None:
    from rich.table import Table

    table = Table("dead letters", "reason", "letters", "would go" if dry_run else "went")
    for one in report.groups:
        table.add_row(one.place, one.reason, str(one.letters), one.fate)
    console.print(table)
    for one in report.groups:
        if one.explanation:
            console.print(f"{one.reason}: {one.explanation}", soft_wrap=True, highlight=False, markup=False)
