"""Prints the results of the checks."""

from kinesight.domain.check_results import CheckResult, Status
from kinesight.domain.health.checks import span
from rich.table import Table

from kinesight_cli.doctor.report import Report
from kinesight_cli.shared.console import console, print_lines, styled

_NAME_WIDTH = 27
_SIGNS = {"ok": ("✓", "green"), "failed": ("✗", "red"), "warning": ("?", "yellow"), "skipped": ("·", "")}


def print_check(check: CheckResult) -> None:
    """Prints a result with its cause and the next step."""
    result = check.result
    sign, style = _SIGNS[result.status]
    console.print(" ", styled(style, sign, f" {check.check:<{_NAME_WIDTH}} {result.fact}"), sep="", soft_wrap=True)
    if result.explanation:
        print_lines(f"   {'':<{_NAME_WIDTH}} cause: {result.explanation} ({result.cause})")
    if result.next_step:
        print_lines(f"   {'':<{_NAME_WIDTH}} next:  {result.next_step}")


def print_stream_summary(report: Report) -> None:
    """Prints the conclusion for one stream."""
    failed = report.streams[0].first_failed
    if report.is_healthy:
        print_lines(_all_passed(report))
    elif failed is not None:
        print_lines(f"first failed check: {failed.check}, {failed.result.cause} (docs/troubleshooting.md)")


def print_streams(report: Report, *, everything: bool) -> None:
    """Prints a table of all streams, or every check of each."""
    if not report.streams:
        print_lines("no streams are selected: set StreamNames or TagFilters")
    elif everything:
        _print_checks(report)
    else:
        console.print(_table(report))
        print_lines(f"All checks of one stream: kinesight doctor STREAM --stack {report.stack}; of all streams: --all")
    if report.is_healthy:
        print_lines(_all_passed(report))


def _print_checks(report: Report) -> None:
    for stream in report.streams:
        print_lines("", stream.stream)
        for check in stream.checks:
            if check.stream is not None:
                print_check(check)


def _all_passed(report: Report) -> str:
    checks = [*report.stack_checks, *(one for stream in report.streams for one in stream.checks)]
    count = len({(one.check, one.stream) for one in checks if one.result.status is Status.WARNING})
    return "no check failed" + (f", {count} could not be run" if count else "")


def _table(report: Report) -> Table:
    table = Table("stream", "last fragment", "last image", "first failed check")
    for stream in report.streams:
        failed, measured = stream.first_failed, stream.measured
        table.add_row(
            stream.stream,
            _age(measured.get("lastFragmentAgeSeconds")),
            _age(measured.get("lastImageAgeSeconds")),
            f"{failed.check}: {failed.result.fact}" if failed else "",
        )
    return table


def _age(seconds: float | None) -> str:
    return "" if seconds is None else f"{span(seconds)} ago"
