"""`kinesight redrive`: sends the messages of dead-letter queues again."""

import enum
import json
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import console, errors, print_lines
from kinesight_cli.shared.every_command import changes_account
from kinesight_cli.shared.options import JsonOption, StackOption

if TYPE_CHECKING:
    from kinesight_cli.redrive.report import Report

app = typer.Typer()


class QueueChoice(enum.StrEnum):
    """Names of the dead-letter queues, and of the failed executions."""

    IMAGES = "images"
    NOTIFICATIONS = "notifications"
    SESSION_CLIPS = "session-videos"
    EVIDENCE = "evidence"
    SESSIONS = "sessions"
    CONSUMER = "consumer"
    LIVE = "live"
    EXECUTIONS = "executions"


@app.command()
@changes_account
def redrive(
    queue: Annotated[
        list[QueueChoice] | None,
        typer.Option(help="Only messages of this queue; may be repeated. Default: all queues."),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option(
            help="Only messages with this reason, such as DetectorRejectedError; may be repeated. Forces messages that "
            "are skipped otherwise."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of messages of each queue.")] = 1000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show what would be done.")] = False,
    stack: StackOption = "kinesight",
    as_json: JsonOption = False,
) -> None:
    """Send messages of dead-letter queues again, and restart failed executions.

    Processing is idempotent. A message is deleted after its target has accepted it, so an interruption loses nothing.
    Exits with 1 if a message was skipped.
    """
    from kinesight_cli.redrive.report import RedriveOptions
    from kinesight_cli.redrive.run import redrive_stack
    from kinesight_cli.shared.progress import shown_progress

    options = RedriveOptions([one.value for one in queue or ()], reason or (), limit, dry_run)
    with shown_progress(errors) as progress:
        begun: list[str] = []

        def update(name: str, done: int, total: int) -> None:
            if name not in begun:
                begun.append(name)
                progress.step(f"{name}: {total} messages")
            progress.amount("messages", done, total)

        report = redrive_stack(stack, options, update)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        _show(report, options.limit, dry_run=dry_run)
    if report.skipped:
        raise typer.Exit(1)


def _show(report: "Report", limit: int, *, dry_run: bool) -> None:
    if report.groups:
        _show_groups(report, dry_run=dry_run)
    for queue, found in report.found.items():
        if found >= limit:
            console.print(f"{queue}: only the first {limit} were read; run it again for more, or raise --limit")
    if not any(report.found.values()):
        console.print("no messages in the dead-letter queues")
    else:
        console.print("dry run: nothing was changed" if dry_run else f"{report.sent} sent, {report.skipped} skipped")


def _show_groups(report: "Report", *, dry_run: bool) -> None:
    from rich.table import Table

    table = Table("queue", "reason", "messages", "will be sent" if dry_run else "sent")
    for one in report.groups:
        table.add_row(one.queue, one.reason, str(one.messages), one.action)
    console.print(table)
    for one in report.groups:
        if one.explanation:
            print_lines(f"{one.reason}: {one.explanation}")
