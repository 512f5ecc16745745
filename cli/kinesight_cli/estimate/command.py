"""`kinesight estimate`: the monthly cost per camera, before anything is deployed."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli.shared.options import ParameterOption, pair

app = typer.Typer()


@app.command()
def estimate(
    cameras: Annotated[float, typer.Option(min=1, help="Number of cameras, all with the same use.")] = 1,
    parameter: ParameterOption = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="Value of one of the printed assumptions, name=value; may be repeated.")
    ] = None,
    region: Annotated[str, typer.Option(help="Region of the prices.")] = "us-east-1",
    prices: Annotated[
        Path | None, typer.Option(help="Your own price file; it overrides the built-in prices (docs/cost.md).")
    ] = None,
    stack: Annotated[str | None, typer.Option(help="Deployed stack to take the parameters from.")] = None,
    compare: Annotated[bool, typer.Option(help="Compare with KIT and Rekognition Streaming Video.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with formulas and sources.")] = False,
) -> None:
    """Estimate the monthly cost per camera, from the template's parameters and list prices."""
    from kinesight_cli.estimate.document import document
    from kinesight_cli.estimate.estimator import comparison, estimator
    from kinesight_cli.estimate.prices import load_prices
    from kinesight_cli.estimate.tables import show_estimate
    from kinesight_cli.estimate.workload import assumed

    workload = assumed([f"cameras={cameras}", *(assume or ())])
    overrides = _deployed(stack) | dict(pair(text) for text in parameter or ())
    found = estimator(overrides, workload, load_prices(region, prices))
    columns = comparison(found, overrides) if compare else []
    if as_json:
        typer.echo(json.dumps(document(found, columns), indent=2))
    else:
        show_estimate(found, overrides, columns)


def _deployed(stack: str | None) -> dict[str, str]:
    if stack is None:
        return {}
    from kinesight_cli.shared.stack_lookup import parameters

    return parameters(stack)
