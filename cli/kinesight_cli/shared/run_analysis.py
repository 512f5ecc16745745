"""Runs the on-demand workflow for a command: builds its input, starts it, and shows its progress on the console."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import typer

from kinesight_cli.shared.console import console, errors, print_error, show
from kinesight_cli.shared.every_command import INTERRUPTED
from kinesight_cli.shared.options import SelectorChoice


def range_input(
    stream: str, begin: datetime, end: datetime, interval_ms: int, selector: SelectorChoice
) -> dict[str, object]:
    """Returns the workflow input that selects a time range of a stream."""
    return {
        "StreamName": stream,
        "StartTimestamp": begin.isoformat(),
        "EndTimestamp": end.isoformat(),
        "ImageSelectorType": selector.value,
        "SamplingInterval": interval_ms,
    }


def run_analysis(
    stack: str, workflow_input: Mapping[str, object], *, follow: bool, as_json: bool = False
) -> dict[str, Any] | None:
    """Returns the summary, or None without `follow`, after printing the ARN of the execution. With `as_json`, progress
    goes to standard error."""
    from kinesight_cli.shared import analysis_workflow
    from kinesight_cli.shared.progress import shown_progress

    with shown_progress(errors if as_json else console) as progress:
        execution = analysis_workflow.start(stack, workflow_input)
        progress.step(f"execution {execution.name}")
        if follow:
            try:
                return analysis_workflow.follow(execution, lambda done, all_: progress.amount("windows", done, all_))
            except KeyboardInterrupt:
                print_error("interrupted; the execution continues. To stop it:")
                errors.print(f"aws stepfunctions stop-execution --execution-arn {execution.arn}", soft_wrap=True)
                raise typer.Exit(INTERRUPTED) from None
    if as_json:
        show({"executionArn": execution.arn}, as_json=True)
    else:
        console.print(execution.arn, soft_wrap=True)
    return None
