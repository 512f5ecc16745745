"""Writes the tables of costs from the estimate itself: README.md's, and those of docs/cost.md."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from kinesight_cli.cost import flows
from kinesight_cli.cost.counted import checks
from kinesight_cli.cost.flows import Flow, Visits
from kinesight_cli.cost.lines import Item, Line
from kinesight_cli.cost.month import stack_items
from kinesight_cli.cost.others import GROUPS, KIT_EQUIVALENT, kit, rekognition_streaming
from kinesight_cli.cost.prices import Price, load_prices
from kinesight_cli.cost.workload import Workload, assumed, told
from kinesight_cli.demo import PARAMETERS
from kinesight_cli.estimate import Estimator, estimator

ROOT = Path(__file__).resolve().parent.parent
_INTERVALS = {"one picture a minute": "60000", "every 10 s": "10000", "every 3 s (default)": "3000"}
_PRICES = load_prices("us-east-1")


@cache
def _deployed(parameters: tuple[tuple[str, str], ...]) -> Estimator:
    return estimator(dict(parameters), Workload(), _PRICES)


def documents() -> dict[Path, str]:
    """Every document with its tables made anew."""
    tables = {
        "costs": _costs(),
        "comparison": _comparison(),
        "formulas": _formulas(),
        "prices": _prices(),
        "assumptions": _assumptions(),
    }
    return {path: _replaced(path.read_text(), tables) for path in (ROOT / "README.md", ROOT / "docs/cost.md")}


def _replaced(text: str, tables: dict[str, str]) -> str:
    for name, table in tables.items():
        begin, end = f"<!-- {name}: scripts/cost_tables.py -->\n", f"<!-- end of {name} -->"
        if begin in text:
            before, _, rest = text.partition(begin)
            text = before + begin + "\n" + table + "\n" + end + rest.partition(end)[2]
    return text


def _costs() -> str:
    plain = _deployed(())
    bills = {name: plain.bill({**plain.parameters, "SamplingInterval": ms}) for name, ms in _INTERVALS.items()}
    idle = replace(plain, workload=assumed(["hours_per_day=0", "sessions_per_day=0"])).bill()
    pictures = [next(row.units for row in bill.rows if row.key == "kvs.image") for bill in bills.values()]
    rows = [["", *bills], ["pictures a month", *(f"{one:,.0f}" for one in pictures)]]
    for name, keys in GROUPS.items():
        rows.append([name, *(f"${bill.usd_of(*keys):,.2f}" for bill in bills.values())])
    rows.append(["**a camera a month**", *(f"**${bill.usd_per_camera:,.2f}**" for bill in bills.values())])
    rows.append(["of that the stack, however many cameras", *([f"${idle.usd:,.2f}"] * len(bills))])
    return _table(rows, "|---|---:|---:|---:|")


def _comparison() -> str:
    columns = []
    for cameras in (1, 10):
        workload = assumed([f"cameras={cameras}"])
        ours = replace(_deployed(tuple(KIT_EQUIVALENT.items())), workload=workload)
        columns += [ours.bill(), kit(workload, _PRICES).bill, rekognition_streaming(workload, _PRICES).bill]
    names = [
        f"{name}, {n}" for n in ("1 camera", "10 cameras") for name in ("Kinesight", "KIT", "Rekognition Streaming")
    ]
    rows = [["USD per camera", *names]]
    rows += [[name, *(f"{one.usd_of(*keys):,.2f}" for one in columns)] for name, keys in GROUPS.items()]
    rows.append(["**a camera a month**", *(f"**{one.usd_per_camera:,.2f}**" for one in columns)])
    return _table(rows, "|---|" + "---:|" * len(columns))


def _formulas() -> str:
    parts = [f"### {title}\n\n{_formula_table(items)}" for title, items in _sections()]
    return "\n".join(parts)


def _sections() -> Iterator[tuple[str, Iterable[Item]]]:
    """Each with every line that any parameters make."""
    workload, flow, visits = Workload(), Flow(1, 1, 1, 1, 1, 1), Visits(1, 1, 1, 1, 1, 1)
    plain = dict(_deployed(()).parameters)
    full = plain | {
        "FrameGate": "ON",
        "AlertPer": "SESSION",
        "AlertEmail": "a@b",
        "IotTopic": "t",
        "WebhookSecretArn": "s",
    }
    full |= {"HttpAuthSecretArn": "s", "KmsKeyArn": "k", "ThenDetector": "SAGEMAKER_ASYNC", "ThenOn": "CROP"}
    full |= {"DailyBudgetUsd": "1"}
    http = plain | {"Detector": "HTTP"}
    everything = (*flows.image_events(flow, full, workload), *flows.image_events(flow, http, workload))
    yield "Pictures that KVS generates", everything
    yield (
        "Pictures of live consumers, beside the same ledger, detector and record",
        (one for one in flows.live(flow, plain, workload, 1) if one not in everything),
    )
    yield (
        "Ranges: sweeps and notifications, beside the same",
        (one for one in flows.on_demand(flow, plain, workload, 1, 1) if one not in everything),
    )
    yield "What comes before a notified range", flows.notifications(1, 1)
    yield "Evidence", flows.evidence(flow, full | {"AlertPer": "PICTURE"}, workload, 1)
    yield "Sessions", flows.sessions(visits, full, workload)
    yield "The stack itself, and what is stored", stack_items(full, workload, _deployed(()).shape)


def _formula_table(items: Iterable[Item]) -> str:
    held = _held_by_the_demo()
    rows = [["billed as", "so many", "units each", "the call, as the demo counts it"]]
    for item in items:
        if isinstance(item, Line):
            call = f"`{item.call}`" + (" ✓" if item.call in held else "") if item.call else ""
            row = [_PRICES[item.price].name, item.why, f"{item.each:g}", call]
            if row not in rows:
                rows.append(row)
    return _table(rows, "|---|---|---:|---|")


def _held_by_the_demo() -> set[str]:
    """The calls that the demo's test compares."""
    workload, flow = Workload(), Flow(1, 1, 1, 1, 1, 1)
    parameters = {**_deployed(()).parameters, **PARAMETERS}
    items = (*flows.image_events(flow, parameters, workload), *flows.evidence(flow, parameters, workload, 1))
    return {one.call for one in checks(items, {})}


def _prices() -> str:
    rows = [["", "USD", "per", "source", "read"]]
    for price in _PRICES.by_key.values():
        source = f"[{price.kind}]({price.source})" if price.source and price.kind != "none" else "none found"
        rows.append([price.name, _usd(price), price.unit, source, price.as_of])
    return _table(rows, "|---|---:|---|---|---|")


def _usd(price: Price) -> str:
    tiers = [f"{one.usd:g}" for one in price.tiers]
    known = ", then ".join(dict.fromkeys(tiers)) or (
        "?" if price.usd is None else f"{price.usd:.10f}".rstrip("0").rstrip(".")
    )
    return known + (" *" if price.unverified else "")


def _assumptions() -> str:
    rows = [["`--assume`", "default", ""]]
    rows += [[f"`{name}`", f"{value:g}", text] for name, (value, text) in told(Workload()).items()]
    return _table(rows, "|---|---:|---|")


def _table(rows: list[list[str]], rule: str) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, rule, *body]) + "\n"


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    for path, text in documents().items():
        path.write_text(text)
