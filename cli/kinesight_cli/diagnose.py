"""`kinesight doctor`: why is there no picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from kinesight_cli.options import JsonOption, StackOption, console, errors

if TYPE_CHECKING:
    from kinesight_cli.doctor import Finding, Report

_COULD_NOT_LOOK = 2
_NAME_WIDTH = 27
_SIGNS = {"good": "[green]✓[/green]", "broken": "[red]✗[/red]", "unknown": "[yellow]?[/yellow]", "not-checked": "·"}


def doctor(
    stream: Annotated[
        str | None,
        typer.Argument(help="The stream without a picture. Without it, the stack and every selected stream."),
    ] = None,
    stack: StackOption = "kinesight",
    region: Annotated[str | None, typer.Option(help="The stack's Region; else AWS_REGION's.")] = None,
    as_json: JsonOption = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Every check of every stream, not only what is broken.")
    ] = False,
    silent_after: Annotated[
        int, typer.Option(min=1, help="Seconds without a fragment from which a camera counts as silent.")
    ] = 300,
) -> None:
    """Find out why there is no picture: check a stream's road end to end, and say what to do next.

    Nothing is changed. Ends with 0 if all is well, 1 if something is broken, 2 if nobody could look.
    """
    import boto3

    from kinesight_cli.doctor import CannotLookError, Examination, HealthThresholds

    try:
        session = boto3.Session(region_name=region)
        examination = Examination(stack, session, HealthThresholds(silent_s=silent_after))
        told = (lambda _: None) if as_json else _print
        report = examination.fleet(told) if stream is None else examination.stream(stream, told)
    except CannotLookError as error:
        errors.print(f"[red]nobody could look:[/red] {escape(str(error))}", soft_wrap=True, highlight=False)
        raise typer.Exit(_COULD_NOT_LOOK) from error
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        _conclude(report, is_fleet=stream is None, everything=everything)
    raise typer.Exit(_exit_code(report))


def _exit_code(report: Report) -> int:
    if not report.could_look:
        return _COULD_NOT_LOOK
    return 0 if report.is_healthy else 1


def _print(finding: Finding) -> None:
    verdict = finding.verdict
    _say(f" {_SIGNS[verdict.outcome]} {finding.check:<{_NAME_WIDTH}} {escape(verdict.fact)}")
    if verdict.because:
        _say(f"   {'':<{_NAME_WIDTH}} cause: {escape(verdict.because)} ({verdict.cause})")
    if verdict.next_step:
        _say(f"   {'':<{_NAME_WIDTH}} next:  {escape(verdict.next_step)}")


def _conclude(report: Report, *, is_fleet: bool, everything: bool) -> None:
    if is_fleet:
        _print_fleet(report, everything=everything)
    ill = [one for one in report.streams if not one.is_healthy]
    if report.is_healthy:
        _say("nothing is broken" + _unseen(report))
    elif ill and (first := ill[0].first_broken) is not None and not is_fleet:
        _say(f"the first thing that is broken: {first.check}, {first.verdict.cause} (docs/troubleshooting.md)")


def _print_fleet(report: Report, *, everything: bool) -> None:
    if not report.streams:
        _say("no stream is selected: see StreamNames and TagFilters")
    elif everything:
        for health in report.streams:
            _say(f"\n{escape(health.stream)}")
            for finding in health.findings:
                if finding.stream is not None:
                    _print(finding)
    else:
        console.print(_table(report))
        _say(f"kinesight doctor STREAM --stack {report.stack} tells everything of one, --all of each")


def _unseen(report: Report) -> str:
    findings = [*report.stack_findings, *(one for health in report.streams for one in health.findings)]
    count = len({(one.check, one.stream) for one in findings if one.verdict.outcome == "unknown"})
    return f", as far as could be seen: {count} checks could not be made" if count else ""


def _table(report: Report) -> Table:
    table = Table("stream", "last fragment", "last picture", "first thing that is broken")
    for health in report.streams:
        cause, measured = health.first_broken, health.measured
        table.add_row(
            escape(health.stream),
            _age(measured.get("lastFragmentAgeSeconds")),
            _age(measured.get("lastPictureAgeSeconds")),
            escape(f"{cause.check}: {cause.verdict.fact}") if cause else "",
        )
    return table


def _age(seconds: float | None) -> str:
    from kinesight.domain.health.checks import span

    return "" if seconds is None else f"{span(seconds)} ago"


def _say(text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False)
