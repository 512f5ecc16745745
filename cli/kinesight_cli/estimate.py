"""`kinesight estimate`: what a camera costs a month, before anything is deployed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinesight_cli.options import console, explained, pair

if TYPE_CHECKING:
    from kinesight_cli.cost.bill import Bill, Row
    from kinesight_cli.cost.counted import Check
    from kinesight_cli.cost.others import Column
    from kinesight_cli.cost.prices import Prices
    from kinesight_cli.cost.shape import Shape
    from kinesight_cli.cost.workload import Workload

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"


@dataclass(frozen=True, slots=True)
class Estimator:
    """A stack with its cameras, and variations of it."""

    parameters: Mapping[str, str]
    shape: "Shape"
    workload: "Workload"
    prices: "Prices"

    def bill(self, parameters: Mapping[str, str] | None = None) -> "Bill":
        """Of these parameters, or the stack's own."""
        from kinesight_cli.cost.bill import bill_of
        from kinesight_cli.cost.month import lines_of

        lines = lines_of(parameters or self.parameters, self.workload, self.shape)
        return bill_of(lines, self.prices, self.workload.cameras)


def estimator(overrides: Mapping[str, str], workload: "Workload", prices: "Prices") -> Estimator:
    """Parameters are checked by the template's own rules. Raises InvalidTemplateError."""
    from kinesight_local.template import expand

    from kinesight_cli.cost.shape import shape_of

    selected = {} if {"StreamNames", "TagFilters"} & set(overrides) else {"StreamNames": "*"}
    expanded = expand(TEMPLATE, selected | dict(overrides))
    return Estimator(expanded.parameters, shape_of(expanded.resources, expanded.parameters), workload, prices)


def estimate(
    cameras: Annotated[float, typer.Option(min=1, help="Cameras on the stack, all alike.")] = 1,
    parameter: Annotated[
        list[str] | None, typer.Option(help="A parameter of the template, Name=Value; may be repeated.")
    ] = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="One of the assumptions that are printed, name=value; may be repeated.")
    ] = None,
    region: Annotated[str, typer.Option(help="Whose prices.")] = "us-east-1",
    prices: Annotated[
        Path | None, typer.Option(help="A price file of your own; what it has counts before ours (docs/cost.md).")
    ] = None,
    stack: Annotated[str | None, typer.Option(help="Take the parameters of this deployed stack.")] = None,
    compare: Annotated[bool, typer.Option(help="Beside it, KIT and Rekognition Streaming Video.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, with formulas and sources.")] = False,
) -> None:
    """Say what a camera costs a month, from the template's parameters and list prices."""
    with explained():
        from kinesight_cli.cost.prices import load_prices
        from kinesight_cli.cost.workload import assumed

        workload = assumed([f"cameras={cameras}", *(assume or ())])
        given = _deployed(stack) | dict(pair(text) for text in parameter or ())
        found = estimator(given, workload, load_prices(region, prices))
        columns = _columns(found, given) if compare else []
    if as_json:
        print(json.dumps(document(found, columns), indent=2))  # noqa: T201 - for a machine
    else:
        _show(found, given, columns)


def _deployed(stack: str | None) -> dict[str, str]:
    if stack is None:
        return {}
    from kinesight_cli.stacks import parameters

    return parameters(stack)


def _columns(found: Estimator, given: Mapping[str, str]) -> "list[Column]":
    from kinesight_cli.cost.others import KIT_EQUIVALENT, Column, kit, rekognition_streaming

    same = estimator({**given, **KIT_EQUIVALENT}, found.workload, found.prices)
    return [
        Column("as asked for", found.bill(), ()),
        Column(
            "as KIT does",
            same.bill(),
            ("live, 1 of 6 keyframes, the same endpoint; with evidence, sessions and alerts",),
        ),
        kit(found.workload, found.prices),
        rekognition_streaming(found.workload, found.prices),
    ]


def document(found: Estimator, columns: "list[Column]") -> dict[str, Any]:
    """As --json prints it; USD and units of a month, of all cameras together unless they say otherwise."""
    from kinesight_cli.cost.others import GROUPS
    from kinesight_cli.cost.workload import told

    bill = found.bill()
    return {
        "region": found.prices.region,
        "cameras": found.workload.cameras,
        "usdPerCamera": round(bill.usd_per_camera, 4),
        "usd": round(bill.usd, 4),
        "rows": [_row_document(row) for row in bill.rows],
        "assumptions": {name: value for name, (value, _) in told(found.workload).items()},
        "warnings": _warnings(found, bill),
        "saving": _saving(found, bill),
        "comparison": {
            one.name: {
                "usdPerCamera": round(one.bill.usd_per_camera, 4),
                "groups": {name: round(one.bill.usd_of(*keys), 4) for name, keys in GROUPS.items()},
                "notes": one.notes,
            }
            for one in columns
        },
    }


def _row_document(row: "Row") -> dict[str, Any]:
    return {
        "price": row.key,
        "units": round(row.units, 4),
        "usd": None if row.usd is None else round(row.usd, 4),
        "per": row.price.model_dump(mode="json", by_alias=True),
        "lines": [{"units": round(line.units, 4), "formula": line.why, "call": line.call} for line in row.lines],
    }


def _warnings(found: Estimator, bill: "Bill") -> list[str]:
    from kinesight_cli.cost.advice import warnings
    from kinesight_cli.cost.month import detector_calls

    calls = detector_calls(found.parameters, found.workload)
    return list(warnings(found.parameters, bill, calls, found.prices.region))


def _saving(found: Estimator, bill: "Bill") -> dict[str, Any] | None:
    from kinesight_cli.cost.advice import best_saving

    best = best_saving(found.parameters, bill, found.bill)
    if best is None:
        return None
    return {"parameter": best.parameter, "value": best.value, "usdPerCamera": round(best.usd_per_camera, 4)}


def _show(found: Estimator, given: Mapping[str, str], columns: "list[Column]") -> None:
    bill = found.bill()
    _show_rows(bill, found)
    unsure = [row for row in bill.rows if row.usd is not None and row.price.unverified]
    unknown = [row for row in bill.rows if row.usd is None]
    for row in unsure:
        console.print(f"[yellow]not confirmed:[/yellow] {row.price.name}. {row.price.note}", highlight=False)
    for row in unknown:
        console.print(f"[yellow]not included:[/yellow] {row.price.name}. {row.price.note}", highlight=False)
    for warning in _warnings(found, bill):
        console.print(f"[yellow]warning:[/yellow] {warning}", highlight=False)
    saving = _saving(found, bill)
    if saving is not None:
        console.print(
            f"{saving['parameter']}={saving['value']} would save most: "
            f"${saving['usdPerCamera']:,.2f} a camera and month",
            highlight=False,
        )
    if columns:
        _show_columns(columns)
    _show_assumptions(found.workload, given)


def _show_rows(bill: "Bill", found: Estimator) -> None:
    from rich.table import Table

    title = f"A month in {found.prices.region}, list prices, without free tiers"
    table = Table("", "units", "USD a unit", "USD per camera", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in bill.rows:
        usd = "?" if row.usd is None else f"{row.usd / bill.cameras:,.2f}"
        unit = "?" if row.price.first_usd is None else f"{row.price.first_usd:.10f}".rstrip("0").rstrip(".")
        mark = " *" if row.price.unverified else ""
        table.add_row(row.price.name + mark, f"{row.units / bill.cameras:,.1f}", unit, usd)
    table.add_section()
    table.add_row("a camera a month", "", "", f"{bill.usd_per_camera:,.2f}", style="bold")
    if bill.cameras > 1:
        table.add_row(f"{bill.cameras:g} cameras", "", "", f"{bill.usd:,.2f}")
    console.print(table)


def _show_columns(columns: "list[Column]") -> None:
    from rich.table import Table

    from kinesight_cli.cost.others import GROUPS

    table = Table("USD per camera", *(one.name for one in columns), title="Side by side", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, keys in GROUPS.items():
        table.add_row(name, *(f"{one.bill.usd_of(*keys):,.2f}" for one in columns))
    table.add_section()
    table.add_row("a camera a month", *(f"{one.bill.usd_per_camera:,.2f}" for one in columns), style="bold")
    console.print(table)
    for one in columns:
        for note in one.notes:
            console.print(f"{one.name}: {note}", highlight=False)


def _show_assumptions(workload: "Workload", given: Mapping[str, str]) -> None:
    from kinesight_cli.cost.workload import told

    console.print("\nAssumed (--assume name=value changes it):")
    for name, (value, text) in told(workload).items():
        console.print(f"  {name}={value:g}  [dim]{text}[/dim]", highlight=False)
    if given:
        console.print("Parameters: " + ", ".join(f"{name}={value}" for name, value in given.items()), highlight=False)


def show_calls(calls: "Sequence[Check]") -> None:
    """What a run called, beside what the formulas expect."""
    from rich.table import Table

    table = Table("calls", "counted", "estimated", "difference")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in calls:
        table.add_row(one.call, f"{one.counted}", f"{one.estimated:.1f}", f"{one.difference_percent:+.1f} %")
    counted, estimated = sum(one.counted for one in calls), sum(one.estimated for one in calls)
    table.add_section()
    table.add_row("together", f"{counted}", f"{estimated:.1f}", f"{100 * (estimated / counted - 1):+.1f} %")
    console.print(table)
