"""`kinesight estimate`: the monthly cost per camera, before anything is deployed."""

import json
import math
from collections.abc import Mapping
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
            metavar="NAME=VALUE",
            help="Parameter of the template, or setting of the configuration document by its path, such as "
            "gate.mode=OFF; may be repeated.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="FILE",
            help="Configuration document, JSON or YAML. Default: that of --stack, else that of kinesight init.",
        ),
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Value of a printed assumption; may be repeated."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Region of the prices and of --stack. Default: the stack's, or us-east-1."),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your own prices, JSON or YAML; they override the built-in ones."),
    ] = None,
    prices_sample: Annotated[
        bool, typer.Option("--prices-sample", help="Print a file to fill in for --prices, and nothing else.")
    ] = False,
    stack: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Deployed stack to take the parameters and the configuration document from."),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare with KIT and Rekognition Streaming Video.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with formulas and sources.")] = False,
) -> None:
    """Estimate what Kinesight costs per camera and month.

    The default is what kinesight init sets up: cameras are read live, the gate is on, and a daily budget limits the
    detector. The column "full rate" is the same without the gate and the budget. Change settings with --parameter,
    and the use of the cameras with --assume. Nothing has to be deployed.

    All cameras are alike: settings of single cameras in a configuration document are not used.

    Example, thirty cameras in Frankfurt that send twelve hours a day, for at most $20 of detector calls a day:

    kinesight estimate --cameras 30 --region eu-central-1 --assume hours_per_day=12 --parameter DailyBudgetUsd=20
    """
    from kinesight_cli.estimate.document import document
    from kinesight_cli.estimate.estimator import comparison, estimator
    from kinesight_cli.estimate.prices import load_prices
    from kinesight_cli.estimate.settings import check_effective
    from kinesight_cli.estimate.tables import show_estimate
    from kinesight_cli.estimate.workload import assumed

    priced_region = _priced_region(region, stack)
    if prices_sample:
        typer.echo(_sample(priced_region), nl=False)
        return
    workload = assumed([f"cameras={cameras}", *(assume or ())])
    given = dict(pair(text) for text in parameter or ())
    configuration = _configuration(config, stack)
    check_effective(given, configuration)
    overrides = {**_parameters(stack, math.ceil(cameras)), **given}
    found = estimator(overrides, workload, load_prices(priced_region, prices), configuration)
    columns = comparison(found, overrides) if compare else []
    if as_json:
        typer.echo(json.dumps(document(found, columns), indent=2))
    else:
        show_estimate(found, overrides, columns)


def _priced_region(region: str | None, stack: str | None) -> str:
    """Returns the Region of the prices; if it is given, the stack is in it."""
    from kinesight_cli.estimate.prices import HOME_REGION
    from kinesight_cli.shared import aws_session

    if region is not None:
        aws_session.use_region(region)
        return region
    return (aws_session.session().region_name if stack else None) or HOME_REGION


def _sample(region: str) -> str:
    from kinesight_cli.estimate.own_prices import sample
    from kinesight_cli.estimate.prices import HOME_REGION, built_in_regions, load_prices

    return sample(region, load_prices(region if region in built_in_regions() else HOME_REGION))


def _parameters(stack: str | None, cameras: int) -> Mapping[str, str]:
    """Returns those of the deployed stack, or those that `kinesight init` writes by default."""
    if stack is None:
        from kinesight_cli.shared.choices import Choices

        return {name: value for name, value in Choices.default(cameras).parameters().items() if value}
    from kinesight_cli.shared.stack_lookup import parameters

    return parameters(stack)


def _configuration(file: Path | None, stack: str | None) -> "ConfigurationDocument":
    from kinesight.domain.configuration.document import ConfigurationDocument

    from kinesight_cli.estimate.settings import NO_DOCUMENT
    from kinesight_cli.shared.choices import Choices
    from kinesight_cli.shared.configuration_document import fetch
    from kinesight_cli.shared.document_file import parse, read_file

    if file is not None:
        return read_file(file).document
    if stack is None:
        return ConfigurationDocument.model_validate(Choices.default().document())
    text = fetch(stack)
    if text is None:
        return NO_DOCUMENT
    return parse(text, f"the document of the stack {stack}", is_yaml=False).document
