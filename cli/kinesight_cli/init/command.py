"""`kinesight init`: five questions, and the files of a first deployment."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kinesight.domain.display_text import escaped

from kinesight_cli.shared.choices import Producers
from kinesight_cli.shared.console import errors, print_lines

if TYPE_CHECKING:
    from kinesight_cli.init.fleet import Stream
    from kinesight_cli.shared.choices import Choices

app = typer.Typer()
_FREE = frozenset({"StreamNames", "TagFilters", "Labels"})
"""Parameters that the estimate does not depend on."""


@app.command()
def init(
    streams: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Streams: names and globs, separated by commas.")
    ] = None,
    tags: Annotated[
        str | None, typer.Option(metavar="FILTERS", help="Streams by tags, such as Location=Front|Parking,Floor=1.")
    ] = None,
    producers: Annotated[
        Producers | None,
        typer.Option(help="Whether producers tag fragments for image generation; stock kvssink does not."),
    ] = None,
    detect: Annotated[
        bool, typer.Option("--detect", help="Read recent fragments of the streams to see whether producers tag them.")
    ] = False,
    labels: Annotated[
        str | None, typer.Option(metavar="NAMES", help="What to look for, separated by commas; empty: anything.")
    ] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where alerts go; empty: nowhere.")] = None,
    daily_budget: Annotated[
        str | None, typer.Option(metavar="USD", help="Most that detector calls may cost per UTC day; none: no limit.")
    ] = None,
    environment: Annotated[
        str, typer.Option(metavar="NAME", help="Environment of samconfig.toml that is written.")
    ] = "default",
    folder: Annotated[Path, typer.Option(file_okay=False, exists=True, help="Folder of the files.")] = Path(),
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not prompt: use the options, and defaults for those that are missing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing kinesight.yaml.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; implies --yes.")] = False,
) -> None:
    """Prepare a first deployment by five questions: cameras, their producers, what to look for, alerts, budget.

    Writes an environment of samconfig.toml and kinesight.yaml, and prints the monthly estimate of exactly that.
    """
    from kinesight_cli.init.files import write_document, write_environment
    from kinesight_cli.init.fleet import selected
    from kinesight_cli.init.given import Given

    prompts = not (yes or as_json)
    known = _known_streams(with_tags=tags is not None or (prompts and streams is None))
    given = Given(streams, tags, producers, detect, labels, email, daily_budget, prompts)
    choices = given.choices(known)
    matched = len(selected(known, choices.selection))
    written = [
        write_document(folder, choices.document(), overwrite=force),
        write_environment(folder, environment, choices.parameters()),
    ]
    facts: dict[str, Any] = {
        "parameters": {name: value for name, value in choices.parameters().items() if value},
        "document": choices.document(),
        "files": [str(one) for one in written],
        "streams": matched,
        "estimate": _estimate(choices, max(1, matched)),
        "deploy": "make deploy" + ("" if environment == "default" else f" ENV={shlex.quote(environment)}"),
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        print_lines(*_lines(facts))


def _known_streams(*, with_tags: bool) -> "list[Stream]":
    """Without access to the account, the questions go on without a list."""
    from kinesight_cli.init.fleet import streams
    from kinesight_cli.shared.errors import CommandError

    try:
        return streams(with_tags=with_tags)
    except CommandError as error:
        errors.print(escaped(str(error)), soft_wrap=True)
        return []


def _estimate(choices: "Choices", cameras: int) -> dict[str, Any]:
    from kinesight.domain.configuration.document import ConfigurationDocument

    from kinesight_cli.estimate.estimator import estimator
    from kinesight_cli.estimate.prices import load_prices
    from kinesight_cli.estimate.workload import assumed

    document = ConfigurationDocument.model_validate(choices.document())
    region = _priced_region()
    found = estimator(choices.parameters(), assumed([f"cameras={cameras}"]), load_prices(region), document)
    bill = found.bill()
    return {
        "cameras": cameras,
        "usdPerMonth": round(bill.usd, 2),
        "usdPerMonthAndCamera": round(bill.usd_per_camera, 2),
        "fullRateUsdPerMonth": round(found.full_rate().usd, 2),
        "prices": f"list prices of {region}",
        "warnings": list(found.warnings(bill)),
        "command": _estimate_command(choices, cameras, region),
    }


def _priced_region() -> str:
    """Returns the Region of the session if it has built-in prices."""
    from kinesight_cli.estimate.prices import HOME_REGION, built_in_regions
    from kinesight_cli.shared import aws_session
    from kinesight_cli.shared.errors import CommandError

    try:
        own = aws_session.session().region_name
    except CommandError:  # the profile does not exist, which is printed already
        return HOME_REGION
    return own if own in built_in_regions() else HOME_REGION


def _estimate_command(choices: "Choices", cameras: int, region: str) -> str:
    """Returns the command whose figures are these."""
    from kinesight_cli.init.files import DOCUMENT_FILE

    usual = type(choices).default(cameras).parameters()
    changed = {name: value for name, value in choices.parameters().items() if value != usual.get(name)}
    parameters = [("--parameter", f"{name}={value}") for name, value in changed.items() if name not in _FREE]
    words = ["kinesight", "estimate", "--cameras", str(cameras), "--region", region, "--config", DOCUMENT_FILE]
    return shlex.join([*words, *(word for pair in parameters for word in pair)])


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    estimate = facts["estimate"]
    yield f"written: {', '.join(facts['files'])}"
    yield f"{facts['streams']} streams of the account are selected now; streams that are created later are attached too"
    yield ""
    cameras = "one camera" if estimate["cameras"] == 1 else f"{estimate['cameras']} cameras"
    yield f"about ${estimate['usdPerMonth']:,.2f} a month for {cameras}, {estimate['prices']}"
    if "DailyBudgetUsd" in facts["parameters"]:
        yield f"  of which the budget allows detector calls ${facts['parameters']['DailyBudgetUsd']} a day at most"
    yield from (f"  {one}" for one in estimate["warnings"])
    yield f"  every image analyzed, without gate and budget: ${estimate['fullRateUsdPerMonth']:,.2f}"
    yield "what that is made of (docs/cost.md):"
    yield f"  {estimate['command']}"
    yield ""
    yield facts["deploy"]
