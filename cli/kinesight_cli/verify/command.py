"""`kinesight verify`: proves that a deployment works, from a camera to the viewer."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import errors, print_lines
from kinesight_cli.shared.every_command import INTERRUPTED, changes_account
from kinesight_cli.shared.options import JsonOption, StackOption, stream_name

if TYPE_CHECKING:
    from kinesight_cli.verify.deployment import Deployment
    from kinesight_cli.verify.outcome import Outcome, Report

app = typer.Typer()

_NOT_TESTED = 2


@app.command()
@changes_account
def verify(
    stack: StackOption = "kinesight",
    stream: Annotated[
        str | None,
        typer.Option(
            parser=stream_name,
            metavar="NAME",
            help="Name of the temporary stream, which must not exist. Required if only exact names are selected.",
        ),
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Video that shows what your rules match. Default: a generated one.")
    ] = None,
    capture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also record how the service behaves, without identifiers (docs/verify.md)."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Only remove what interrupted runs have left.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not prompt.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Verify a deployment: play half a minute of video into a temporary stream and wait for everything that the stack
    makes of it: image, result, evidence, session, alert, clip, viewer entry; then an analysis on demand.

    Afterwards everything is removed again, also after Ctrl-C. Subscribers of the alert topic get its alerts. On an
    account it takes 5 to 15 minutes. Exits with 0 if every step is ok, 1 if a step failed or something could not be
    removed, 2 if a step could not be tested.
    """
    if remove:
        _remove_leftovers(stack, yes=yes)
        return
    from kinesight_cli.verify.capture.file import check_writable, writer
    from kinesight_cli.verify.deployment import deployment
    from kinesight_cli.verify.verification import load_video
    from kinesight_cli.verify.verification import verify as verified

    if capture is not None:
        check_writable(capture)
    found = deployment(stack, stream)
    _announce(found, yes=yes)
    finished = writer(capture) if capture is not None else None
    report = verified(found, load_video(video), _ignore if as_json else _print, finished)
    _conclude(report, as_json=as_json)


def _announce(found: "Deployment", *, yes: bool) -> None:
    """Prints what happens and what it costs, and prompts. On standard error: standard output is for the report."""
    from kinesight_cli.shared import aws_session
    from kinesight_cli.verify.cost import estimated
    from kinesight_cli.verify.temporary import leftovers

    cost = estimated(found, str(aws_session.session().region_name))
    errors.print(f"Plays half a minute of video into the temporary stream {found.stream.name}: {cost}.", soft_wrap=True)
    errors.print("Subscribers of the alert topic and other channels get alerts of this stream.", soft_wrap=True)
    for one in leftovers(found.clients, found.stack):
        errors.print(
            f"note: {one.stream} is in use by another run, or left by one: kinesight verify --stack {found.stack} "
            "--remove",
            soft_wrap=True,
        )
    if not yes:
        typer.confirm("Go on?", abort=True, err=True)


def _print(outcome: "Outcome") -> None:
    from kinesight_cli.verify.report_printer import print_outcome

    print_outcome(outcome)


def _ignore(_: "Outcome") -> None:
    """Prints nothing while the steps run: JSON is printed at the end."""


def _conclude(report: "Report", *, as_json: bool) -> None:
    from kinesight_cli.verify.report_printer import print_summary

    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        print_summary(report)
    if report.first_failed or report.left:
        raise typer.Exit(1)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0 if report.is_complete else _NOT_TESTED)


def _remove_leftovers(stack: str, *, yes: bool) -> None:
    from kinesight_cli.verify.deployment import Clients, existing
    from kinesight_cli.verify.temporary import leftovers
    from kinesight_cli.verify.verification import remove

    found = leftovers(Clients(), stack)
    if not found:
        print_lines(f"no run has left anything of the stack {stack}")
        return
    print_lines(*(f"removing {one.stream}, its data, and the queue {one.url}" for one in found))
    if not yes:
        typer.confirm("Does no other run use them?", abort=True)
    left = [problem for one in found for problem in remove(existing(stack, one.stream), one)]
    print_lines(*left)
    if left:
        raise typer.Exit(1)
