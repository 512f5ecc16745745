"""`kinesight estimate`: the monthly cost per camera, before anything is deployed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.options import pair

if TYPE_CHECKING:
    from kinesight.domain.configuration.document import ConfigurationDocument

app = typer.Typer()


@app.command()
def estimate(
    cameras: Annotated[float, typer.Option(min=1, help="Number of cameras, all with the same use.")] = 1,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            help="Parameter of the template, or setting of the configuration document by its path, such as "
            "gate.mode=ON; may be repeated."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="FILE",
            help="Configuration document, JSON or YAML. Default: that of --stack.",
        ),
    ] = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="Value of one of the printed assumptions, name=value; may be repeated.")
    ] = None,
    region: Annotated[str, typer.Option(help="Region of the prices.")] = "us-east-1",
    prices: Annotated[
        Path | None, typer.Option(help="Your own price file; it overrides the built-in prices (docs/cost.md).")
    ] = None,
    stack: Annotated[
        str | None, typer.Option(help="Deployed stack to take the parameters and the configuration document from.")
    ] = None,
    compare: Annotated[bool, typer.Option(help="Compare with KIT and Rekognition Streaming Video.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with formulas and sources.")] = False,
) -> None:
    """Estimate the monthly cost per camera, from the stack's settings and list prices.

    An estimate is for one kind of camera: of a configuration document, it uses detectors, defaults and limits, not the
    settings of single cameras.
    """
    from kinesight_cli.estimate.document import document
    from kinesight_cli.estimate.estimator import comparison, estimator
    from kinesight_cli.estimate.prices import load_prices
    from kinesight_cli.estimate.settings import check_effective
    from kinesight_cli.estimate.tables import show_estimate
    from kinesight_cli.estimate.workload import assumed

    workload = assumed([f"cameras={cameras}", *(assume or ())])
    given = dict(pair(text) for text in parameter or ())
    configuration = _configuration(config, stack)
    check_effective(given, configuration)
    overrides = _deployed(stack) | given
    found = estimator(overrides, workload, load_prices(region, prices), configuration)
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


def _configuration(file: Path | None, stack: str | None) -> "ConfigurationDocument":
    from kinesight_cli.estimate.settings import NO_DOCUMENT
    from kinesight_cli.shared.configuration_document import fetch
    from kinesight_cli.shared.document_file import parse, read_file

    if file is not None:
        return read_file(file).document
    text = None if stack is None else fetch(stack)
    if text is None:
        return NO_DOCUMENT
    return parse(text, f"the document of the stack {stack}", is_yaml=False).document
