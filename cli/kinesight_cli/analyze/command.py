"""`kinesight analyze`: on-demand analysis of a time range."""

from typing import Annotated

import typer
from kinesight.domain.detectors.catalogue import DETECTORS, known_detector

from kinesight_cli.shared.console import show
from kinesight_cli.shared.every_command import changes_account
from kinesight_cli.shared.options import (
    FollowOption,
    FromOption,
    JsonOption,
    SelectorChoice,
    SelectorOption,
    StackOption,
    StreamArgument,
    ToOption,
)
from kinesight_cli.shared.run_analysis import range_input, run_analysis

app = typer.Typer()


def detector_name(value: str) -> str:
    """Name of a detector in the catalogue; letter case is ignored. Raises BadParameter."""
    try:
        return known_detector(value.upper())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
@changes_account
def analyze(
    stream: StreamArgument,
    begin: FromOption,
    end: ToOption,
    interval_ms: Annotated[
        int, typer.Option(min=200, help="Milliseconds between images; each image is one paid call.")
    ] = 1000,
    selector: SelectorOption = SelectorChoice.PRODUCER,
    detector: Annotated[
        str | None,
        typer.Option(
            parser=detector_name, metavar=f"[{'|'.join(DETECTORS)}]", help="Detector to use instead of the stack's."
        ),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="Label to match; may be repeated.")] = None,
    minimum_confidence: Annotated[
        float | None, typer.Option(min=0, max=100, help="Minimum confidence of a match, in percent.")
    ] = None,
    stack: StackOption = "kinesight",
    follow: FollowOption = True,
    as_json: JsonOption = False,
) -> None:
    """Analyze a time range of a stream: one image per interval, on the local cloud or in an AWS account."""
    workflow_input = range_input(stream, begin, end, interval_ms, selector)
    workflow_input |= {"Labels": label} if label else {}
    workflow_input |= {"MinimumConfidence": minimum_confidence} if minimum_confidence is not None else {}
    workflow_input |= {"Detector": detector} if detector is not None else {}
    summary = run_analysis(stack, workflow_input, follow=follow, as_json=as_json)
    if summary is not None:
        show(summary, as_json=as_json)
