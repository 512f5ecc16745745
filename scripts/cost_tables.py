"""Generates the cost tables of README.md and docs/cost.md from the estimate."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight_cli.demo.run import PARAMETERS
from kinesight_cli.estimate import downstream, formulas
from kinesight_cli.estimate.alternatives import GROUPS, KIT_EQUIVALENT, kit, rekognition_streaming
from kinesight_cli.estimate.bill import Bill
from kinesight_cli.estimate.budget import STACK, STREAM
from kinesight_cli.estimate.call_comparison import compare_calls
from kinesight_cli.estimate.downstream import SessionCounts
from kinesight_cli.estimate.estimator import FULL_RATE, Estimator, estimator
from kinesight_cli.estimate.formulas import Flow
from kinesight_cli.estimate.lines import Item, Line
from kinesight_cli.estimate.month import stack_items
from kinesight_cli.estimate.prices import Price, built_in_regions, load_prices
from kinesight_cli.estimate.workload import Workload, assumed, described
from kinesight_cli.shared.choices import Choices

ROOT = Path(__file__).resolve().parent.parent
_INTERVALS = {"one image per minute": "60000", "every 10 s": "10000", "every 3 s (default)": "3000"}
_FLEET = 30
_IMAGES = ("one per image, by KVS", "Rekognition reads the image", "images, for ImageRetentionDays")
"""What images in S3 cost whatever reads them."""
_NO_BUDGET = {STACK: "", STREAM: ""}
_PRICES = load_prices("us-east-1")


@cache
def _deployed(parameters: tuple[tuple[str, str], ...]) -> Estimator:
    return estimator(dict(parameters), Workload(), _PRICES)


def documents() -> dict[Path, str]:
    """Returns the text of each document with newly generated tables."""
    tables = {
        "costs": _costs(),
        "fleet": _fleet(),
        "overhead": _overhead(),
        "comparison": _comparison(),
        "formulas": _formulas(),
        "prices": _prices(),
        "regions": _regions(),
        "sources": _region_sources(),
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
    images = [next(row.units for row in bill.rows if row.key == "kvs.image") for bill in bills.values()]
    rows = [["", *bills], ["images per month", *(f"{one:,.0f}" for one in images)]]
    for name, keys in GROUPS.items():
        rows.append([name, *(f"${bill.usd_of(*keys):,.2f}" for bill in bills.values())])
    rows.append(["**per camera and month**", *(f"**${bill.usd_per_camera:,.2f}**" for bill in bills.values())])
    rows.append(["of it, what the stack costs without cameras", *([f"${idle.usd:,.2f}"] * len(bills))])
    return _table(rows, "|---|---:|---:|---:|")


def _fleet() -> str:
    """Streams that are read live, as `kinesight init` writes them for producers that do not tag."""
    columns = {
        "`kinesight init`: one keyframe every 10 s, gate on": {},
        "every keyframe, gate on": {"live.samplingInterval": "1000", **_NO_BUDGET},
        "full rate: every keyframe, no gate": {"live.samplingInterval": "1000", **FULL_RATE},
    }
    chosen, workload = Choices.default(_FLEET), assumed([f"cameras={_FLEET}"])
    document = ConfigurationDocument.model_validate(chosen.document())
    bills = [
        estimator(chosen.parameters() | settings, workload, _PRICES, document).bill() for settings in columns.values()
    ]
    detectors = [bill.usd_of(*GROUPS["detector"]) * _FLEET for bill in bills]
    rows = [["", *columns], ["detector", *(f"${usd:,.0f}" for usd in detectors)]]
    rows.append(["everything else", *(f"${bill.usd - usd:,.0f}" for bill, usd in zip(bills, detectors, strict=True))])
    rows.append([f"**{_FLEET} cameras, a month**", *(f"**${bill.usd:,.0f}**" for bill in bills)])
    unknown = [sum(row.assumed.units * row.assumed.usd for row in bill.rows if row.assumed) for bill in bills]
    if any(unknown):
        rows.append(["of it, calls whose price is not published, at most", *(f"${usd:,.0f}" for usd in unknown)])
    return _table(rows, "|---|---:|---:|---:|")


def _overhead() -> str:
    """All but model, KVS and the images in S3, of cameras with a generated image every five seconds and no gate."""
    tagging = {"ImageGenerationStatus": "ENABLED", "SamplingInterval": "5000", **FULL_RATE}
    gathered = {"BatchingWindowSeconds": "10", "limits.concurrentDetections": "10"}
    columns = {
        "tracing, 48 h of results, longer log lines": (
            {"TracingStatus": "ENABLED", "ResultsRetentionHours": "48"},
            "log_kilobytes_per_line=0.9",
        ),
        "defaults": ({}, ""),
        "`BatchingWindowSeconds` 10, `limits.concurrentDetections` 10": (gathered, ""),
        "also `LogLevel` WARNING": (gathered | {"LogLevel": "WARNING"}, ""),
    }
    rows = [["USD per camera", *columns]]
    for cameras in (1, 10, _FLEET):
        bills = [
            estimator(tagging | settings, assumed(filter(None, [f"cameras={cameras}", other])), _PRICES).bill()
            for settings, other in columns.values()
        ]
        rows.append([f"{cameras} camera{'s' * (cameras > 1)}", *(f"{_own_usd(bill) / cameras:,.2f}" for bill in bills)])
    return _table(rows, "|---|" + "---:|" * len(columns))


def _own_usd(bill: Bill) -> float:
    others = (*GROUPS["KVS"], *GROUPS["detector"])
    rows = [row for row in bill.rows if row.usd and not row.key.startswith(others)]
    return sum(
        (row.usd or 0.0) * line.units / row.units for row in rows for line in row.lines if line.why not in _IMAGES
    )


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
    rows.append(["**per camera and month**", *(f"**{one.usd_per_camera:,.2f}**" for one in columns)])
    return _table(rows, "|---|" + "---:|" * len(columns))


def _formulas() -> str:
    parts = [f"### {title}\n\n{_formula_table(items)}" for title, items in _sections()]
    return "\n".join(parts)


def _sections() -> Iterator[tuple[str, Iterable[Item]]]:
    """Yields sections with every line that any settings cause."""
    workload, flow, counts = Workload(), _one_of_each(), SessionCounts(1, 1, 1, 1, 1, 1)
    plain = dict(_deployed(()).parameters)
    full = plain | {
        "gate.mode": "ON",
        "alerts.per": "SESSION",
        "AlertEmail": "a@b",
        "channels.iotTopic": "t",
        "WebhookSecretArn": "s",
    }
    full |= {"HttpAuthSecretArn": "s", "KmsKeyArn": "k", "followUp.detector": "SAGEMAKER_ASYNC", "followUp.on": "CROP"}
    full |= {"DailyBudgetUsd": "1"}
    http = plain | {"Detector": "HTTP"}
    everything = (*formulas.image_events(flow, full, workload), *formulas.image_events(flow, http, workload))
    yield "Images that KVS generates", everything
    yield (
        "Keyframes of live consumers, in addition to the same ledger, detector and record",
        (one for one in formulas.live(flow, plain, workload, 1) if one not in everything),
    )
    yield (
        "Ranges of sweeps and notifications, in addition to the same",
        (one for one in formulas.on_demand(flow, plain, workload, 1, 1) if one not in everything),
    )
    yield "Notifications before a range", formulas.notifications(1, 1, 1)
    yield "Evidence", downstream.evidence(flow, full | {"alerts.per": "IMAGE"}, workload, 1)
    yield "Sessions", downstream.sessions(counts, full, workload)
    yield "The stack itself, and storage", stack_items(full, workload, _deployed(()).shape)


def _one_of_each() -> Flow:
    return Flow(made=1, passed=1, sent=1, matched=1, chained=1, fragments=1, sent_fragments=1, analyses=1, receives=1)


def _formula_table(items: Iterable[Item]) -> str:
    compared = _compared_by_the_demo()
    rows = [["billed as", "count", "units each", "call, as counted by the demo"]]
    for item in items:
        if isinstance(item, Line):
            call = f"`{item.call}`" + (" ✓" if item.call in compared else "") if item.call else ""
            row = [_PRICES[item.price].name, item.why, f"{item.each:g}", call]
            if row not in rows:
                rows.append(row)
    return _table(rows, "|---|---|---:|---|")


def _compared_by_the_demo() -> set[str]:
    """Returns the calls that the test of the demo compares."""
    workload, flow = Workload(), _one_of_each()
    parameters = {**_deployed(()).parameters, **PARAMETERS}
    items = (*formulas.image_events(flow, parameters, workload), *downstream.evidence(flow, parameters, workload, 1))
    return {one.call for one in compare_calls(items, {})}


def _prices() -> str:
    rows = [["", "USD", "per", "source", "read"]]
    rows += [[one.name, _usd(one), one.unit, _source(one), one.as_of] for one in _PRICES.by_key.values()]
    return _table(rows, "|---|---:|---|---|---|")


def _source(price: Price) -> str:
    if price.kind == "none":
        return "none found"
    return f"[{price.kind}]({price.source})" if price.source else price.kind


def _regions() -> str:
    """Prices that other Regions have of their own."""
    by_region = {region: load_prices(region) for region in built_in_regions()}
    rows = [["USD", *by_region]]
    for key, price in _PRICES.by_key.items():
        own = [_usd(one[key]) if key not in one.borrowed else "" for one in by_region.values()]
        if any(own[1:]):
            rows.append([f"{price.name}, {price.unit}", *own])
    return _table(rows, "|---|" + "---:|" * len(by_region))


def _region_sources() -> str:
    sources = [
        (prices[key].kind, prices[key].source, prices[key].as_of, prices[key].note)
        for prices in map(load_prices, built_in_regions()[1:])
        for key in prices.by_key.keys() - prices.borrowed
    ]
    rows = [["source of prices of other Regions", "read", ""]]
    rows += [[f"[{kind}]({url})" if url else kind, read, note] for kind, url, read, note in sorted(set(sources))]
    return _table(rows, "|---|---|---|")


def _usd(price: Price) -> str:
    tiers = ["?" if one.usd is None else f"{one.usd:g}" for one in price.tiers]
    known = ", then ".join(dict.fromkeys(tiers)) or (
        "?" if price.usd is None else f"{price.usd:.10f}".rstrip("0").rstrip(".")
    )
    return known + (" *" if price.unverified else "")


def _assumptions() -> str:
    rows = [["`--assume`", "default", ""]]
    rows += [[f"`{name}`", f"{value:g}", text] for name, (value, text) in described(Workload()).items()]
    return _table(rows, "|---|---:|---|")


def _table(rows: list[list[str]], rule: str) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, rule, *body]) + "\n"


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    for path, text in documents().items():
        path.write_text(text)
