"""Prints outcomes as they come, and the summary of a run."""

from kinesight_cli.shared.console import console, print_lines, styled
from kinesight_cli.verify.outcome import Outcome, Report, Status
from kinesight_cli.verify.steps import WaitsFor

_SIGNS = {
    Status.OK: ("✓", "green"),
    Status.FAILED: ("✗", "red"),
    Status.NOT_TESTED: ("?", "yellow"),
    Status.SKIPPED: ("·", ""),
}
_WIDTH = 18


def print_outcome(outcome: Outcome) -> None:
    """Prints one line, and for a failure its next step."""
    sign, style = _SIGNS[outcome.status]
    seconds = f"{outcome.seconds:6.1f} s"
    console.print(
        " ", styled(style, sign, f" {outcome.step:<{_WIDTH}} {seconds}  {outcome.fact}"), sep="", soft_wrap=True
    )
    if outcome.next_step:
        print_lines(f"   {'':<{_WIDTH}} {'':>8}  next: {outcome.next_step}")


def print_summary(report: Report) -> None:
    """Prints where the time went, and the conclusion."""
    own, aws, configured = (report.seconds(one) for one in (WaitsFor.STACK, WaitsFor.AWS, WaitsFor.SETTINGS))
    print_lines(f"{own:.0f} s of the stack, {aws:.0f} s of AWS, {configured:.0f} s that the configuration sets")
    failed = report.first_failed
    if failed is not None:
        print_lines(f"first failed step: {failed.step}" + (f", {failed.cause}" if failed.cause else ""))
    elif report.interrupted:
        print_lines("interrupted")
    elif not report.is_complete:
        print_lines("no step failed, but not every step could be tested")
    else:
        print_lines("every step is ok")
    if report.left:
        print_lines("could not be removed:", *(f"  {one}" for one in report.left))
        print_lines(f"next: kinesight verify --stack {report.stack} --remove")
