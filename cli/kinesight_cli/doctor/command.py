"""`kinesight doctor`: finds out why there are no images."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import print_error
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.options import JsonOption, StackOption

if TYPE_CHECKING:
    from kinesight.domain.check_results import CheckResult

    from kinesight_cli.doctor.report import Report

app = typer.Typer()

_INCONCLUSIVE = 2


@app.command()
def doctor(
    stream: Annotated[
        str | None,
        typer.Argument(help="Stream to check. Default: the stack and every selected stream."),
    ] = None,
    stack: StackOption = "kinesight",
    as_json: JsonOption = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every check of every stream, not only the first that failed.")
    ] = False,
    silent_after: Annotated[
        int, typer.Option(min=1, help="Seconds without a fragment after which a camera counts as silent.")
    ] = 300,
    results_shards: Annotated[
        int | None,
        typer.Option(
            min=1, max=200, help="Compute the updates to this ResultsShardCount: each at most doubles or halves it."
        ),
    ] = None,
) -> None:
    """Find out why there are no images: check a stream from the camera to the alert, and name the next step.

    Changes nothing. Exits with 0 if no check failed, 1 if a check failed, 2 if the checks could not run.
    """
    from kinesight_cli.doctor.aws_reader import CannotCheckError
    from kinesight_cli.doctor.report_printer import print_check

    try:
        report = _report(stream, stack, silent_after, results_shards, _ignore if as_json else print_check)
    except (CannotCheckError, CommandError) as error:
        subject = f"the stack '{stack}'" if stream is None else f"camera '{stream}'"
        print_error(f"cannot check {subject}: {error}")
        raise typer.Exit(_INCONCLUSIVE) from error
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        _print_summary(report, is_single=stream is not None, everything=everything)
    raise typer.Exit(_exit_code(report))


def _report(
    stream: str | None,
    stack: str,
    silent_after: int,
    results_shards: int | None,
    on_result: Callable[[CheckResult], None],
) -> Report:
    from kinesight.domain.health.facts import HealthThresholds

    from kinesight_cli.doctor.check_runner import CheckRunner
    from kinesight_cli.shared import aws_session

    thresholds = HealthThresholds(silent_s=silent_after)
    runner = CheckRunner(stack, aws_session.session(), thresholds, target_shards=results_shards)
    return runner.check_all(on_result) if stream is None else runner.check_stream(stream, on_result)


def _ignore(_: CheckResult) -> None:
    """Prints nothing while the checks run: JSON is printed at the end."""


def _print_summary(report: Report, *, is_single: bool, everything: bool) -> None:
    from kinesight_cli.doctor.report_printer import print_stream_summary, print_streams

    if is_single:
        print_stream_summary(report)
    else:
        print_streams(report, everything=everything)


def _exit_code(report: Report) -> int:
    if not report.is_conclusive:
        return _INCONCLUSIVE
    return 0 if report.is_healthy else 1
