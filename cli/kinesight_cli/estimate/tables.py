"""Prints the estimate, and the calls of a demo run, as tables."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from kinesight_cli.estimate.alternatives import GROUPS, Column
from kinesight_cli.estimate.bill import Bill, Row
from kinesight_cli.estimate.call_comparison import CallComparison
from kinesight_cli.estimate.estimator import Estimator
from kinesight_cli.estimate.remarks import UNKNOWN, remarks
from kinesight_cli.estimate.settings import document_settings, is_path
from kinesight_cli.estimate.workload import Workload, described
from kinesight_cli.shared.console import console, styled


def show_estimate(found: Estimator, overrides: Mapping[str, str], columns: Sequence[Column]) -> None:
    """Prints the bill, what it leaves out, warnings, the best saving, the comparison and the assumptions."""
    bill, full_rate = found.bill(), found.full_rate()
    _show_rows(bill, full_rate, found)
    _show_remarks(bill, full_rate, found)
    if columns:
        _show_columns(columns)
    _show_assumptions(found.workload, overrides, document_settings(found.document))


def show_calls(calls: Sequence[CallComparison]) -> None:
    """Prints the calls of a run beside what the formulas expect."""
    table = Table("calls", "counted", "estimated", "difference")
    _justify(table)
    for one in calls:
        table.add_row(one.call, f"{one.counted}", f"{one.estimated:.1f}", f"{one.difference_percent:+.1f} %")
    counted, estimated = sum(one.counted for one in calls), sum(one.estimated for one in calls)
    table.add_section()
    table.add_row("total", f"{counted}", f"{estimated:.1f}", f"{100 * (estimated / counted - 1):+.1f} %")
    console.print(table)


def _show_rows(bill: Bill, full_rate: Bill, found: Estimator) -> None:
    title = f"Monthly cost in {found.prices.region}, list prices, without free tiers"
    table = Table("", "units", "USD per unit", "USD per camera", "full rate", title=title, title_justify="left")
    _justify(table)
    for row in (*bill.rows, *(one for one in full_rate.rows if bill.row(one.key) is None)):
        here, full = bill.row(row.key), full_rate.row(row.key)
        units = here.units / bill.cameras if here else 0.0
        name = row.price.name + _marks(row, found.prices.region)
        table.add_row(
            name, f"{units:,.1f}", _usd_per_unit(row), _usd_per_camera(here, bill), _usd_per_camera(full, bill)
        )
    table.add_section()
    totals = [f"{one.usd_per_camera:,.2f}" for one in (bill, full_rate)]
    table.add_row("per camera and month", "", "", *totals, style="bold")
    if bill.cameras > 1:
        table.add_row(f"{bill.cameras:g} cameras", "", "", f"{bill.usd:,.2f}", f"{full_rate.usd:,.2f}")
    console.print(table)
    console.print("full rate: the same without the gate and without budgets, so that every image is analyzed")


def _usd_per_unit(row: Row) -> str:
    usd = row.price.first_usd
    return "?" if usd is None else f"{usd:.10f}".rstrip("0").rstrip(".")


def _usd_per_camera(row: Row | None, bill: Bill) -> str:
    if row is None:
        return "0.00"
    return "?" if row.usd is None else f"{row.usd / bill.cameras:,.2f}"


def _marks(row: Row, region: str) -> str:
    """Returns * for an unverified price, and the Region of a price of another one."""
    borrowed = row.usd is not None and row.price_region != region
    return " *" * row.price.unverified + f" ({row.price_region})" * borrowed


def _show_remarks(bill: Bill, full_rate: Bill, found: Estimator) -> None:
    region = found.prices.region
    further = [(f"full rate, {kind}", text) for kind, text in remarks(full_rate, region) if kind == UNKNOWN]
    for kind, text in (*remarks(bill, region), *further):
        console.print(styled("yellow", f"{kind}:", f" {text}"))
    for warning in found.warnings(bill):
        console.print(styled("yellow", "warning:", f" {warning}"))
    if saving := found.saving(bill):
        console.print(
            f"{saving} saves most: ${saving.usd_per_camera:,.2f} per camera and month",
        )


def _show_columns(columns: Sequence[Column]) -> None:
    table = Table("USD per camera", *(one.name for one in columns), title="Comparison", title_justify="left")
    _justify(table)
    for name, keys in GROUPS.items():
        table.add_row(name, *(f"{one.bill.usd_of(*keys):,.2f}" for one in columns))
    table.add_section()
    table.add_row("per camera and month", *(f"{one.bill.usd_per_camera:,.2f}" for one in columns), style="bold")
    console.print(table)
    for one in columns:
        for note in one.notes:
            console.print(f"{one.name}: {note}")


def _show_assumptions(workload: Workload, overrides: Mapping[str, str], settings: Mapping[str, str]) -> None:
    console.print("\nAssumptions (change them with --assume name=value):")
    for name, (value, text) in described(workload).items():
        console.print(f"  {name}={value:g} ", styled("dim", text))
    parameters = {name: value for name, value in overrides.items() if not is_path(name)}
    for title, values in (("Parameters", parameters), ("Configuration document", settings)):
        if values:
            console.print(f"{title}: {', '.join(f'{name}={value}' for name, value in values.items())}")


def _justify(table: Table) -> None:
    for column in table.columns[1:]:
        column.justify = "right"
