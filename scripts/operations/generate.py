"""Writes alarms and dashboard into template.yaml, and the tables of docs/operations.md: `make generate`.

With --check it writes nothing and fails if a generated block is not what it would write.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from kinesight.metric_catalogue import Metric, MetricFacts

from scripts.operations.alarm_table import ALARMS, CONDITIONS, under
from scripts.operations.alarms import Alarm, Math, blocks
from scripts.operations.rows import HEADING, ROWS, graphs
from scripts.operations.widgets import Alarms, Line, body, placed

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "template.yaml"
OPERATIONS = "docs/operations.md"
_INDENT = " " * 12
_USD_PER_METRIC = 0.10
"""Standard resolution alarm, a month: CloudWatch pricing."""
_WITH = {
    "IsLive": "`LiveStatus`",
    "HasConsumer": "a consumer of your own",
    "HasSweep": "`SweepSchedule`",
    "HasViewer": "the viewer",
    "HasBudget": "a daily budget",
    "HasSafeUpdates": "`SafeUpdates`",
}
"""What sets a condition of the template, for the reader."""


def main(arguments: list[str], root: Path = ROOT) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a generated block differs")
    check = parser.parse_args(arguments).check
    stale = {path: new for path, new in _generated(root) if path.read_text() != new}
    if check and stale:
        names = ", ".join(str(path.relative_to(root)) for path in stale)
        sys.exit(f"generated blocks differ from what scripts/operations describes: {names}. Run `make generate`.")
    for path, new in stale.items():
        path.write_text(new)


def _generated(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file that has generated blocks, and what it should hold."""
    yield root / TEMPLATE, template((root / TEMPLATE).read_text())
    yield root / OPERATIONS, operations((root / OPERATIONS).read_text())


def template(text: str) -> str:
    for feature, alarms in blocks(ALARMS).items():
        text = replaced(text, f"{feature}-alarms", alarms)
    return replaced(replaced(text, "dashboard", dashboard_block()), "optional-alarms", optional_alarms())


def operations(text: str) -> str:
    text = replaced(replaced(text, "metrics", metrics_table()), "rows", rows_table())
    return replaced(text, "alarms", alarms_table())


def replaced(text: str, name: str, generated: str) -> str:
    """The text with the lines between `<name>` and `</name>` replaced. Raises ValueError where these are not."""
    lines = text.splitlines(keepends=True)
    (begin,) = (number for number, line in enumerate(lines) if f"<{name}>" in line)
    (end,) = (number for number, line in enumerate(lines) if f"</{name}>" in line)
    return "".join([*lines[: begin + 1], generated, *lines[end:]])


def dashboard_block() -> str:
    """The dashboard's body, as the first argument of Fn::Sub."""
    return "        - |\n" + "".join(f"{_INDENT}{line}\n" for line in body(placed(HEADING, ROWS)).splitlines())


def optional_alarms() -> str:
    """The variable of the dashboard's body that lists the alarms under conditions."""
    choices = (f"          {'- -' if number == 0 else '  -'} {_choice(one)}\n" for number, one in enumerate(CONDITIONS))
    return "".join(["          OptionalAlarms: !Join\n", '            - ""\n', *(f"  {one}" for one in choices)])


def _choice(condition: str) -> str:
    arns = "".join(f',"${{{name}.Arn}}"' for name in under(condition))
    return f"!If [{condition}, !Sub '{arns}', \"\"]"


def metrics_table() -> str:
    """Every metric of the catalogue, as Markdown."""
    rows = [_metric_row(metric.value) for metric in Metric]
    return "\n".join(["| metric | unit | service | what it counts |", "|---|---|---|---|", *rows]) + "\n"


def _metric_row(facts: MetricFacts) -> str:
    further = f"; by {facts.split}" if facts.split else ""
    per_stream = "; per stream" if facts.per_stream else ""
    services = ", ".join(f"`{one}`" for one in facts.services)
    return f"| `{facts.name}` | {facts.unit} | {services} | {facts.meaning}{further}{per_stream} |"


def rows_table() -> str:
    """What the dashboard shows, beside KIT's."""
    lines = ["| row | graph | KIT's |", "|---|---|---|"]
    for row in ROWS:
        for widget in row.widgets:
            kit = "" if isinstance(widget, Alarms) else widget.kit
            lines.append(f"| {row.heading} | {widget.title} | {kit} |")
    return "\n".join(lines) + "\n"


def alarms_table() -> str:
    """Every alarm with its exact rule, and what the alarms cost."""
    head = ["| alarm | meaning | rule | only with | runbook |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(_alarm_row, ALARMS), "", _costs()]) + "\n"


def _alarm_row(alarm: Alarm) -> str:
    link = f"[{alarm.runbook}](runbook.md#{alarm.runbook.replace(' ', '-')})"
    only_with = _WITH[alarm.condition] if alarm.condition else ""
    return f"| `{alarm.name}` | {alarm.description} | {_rule(alarm)} | {only_with} | {link} |"


def _rule(alarm: Alarm) -> str:
    span = f"{alarm.period_s // 60} min"
    periods = f"in each of {alarm.periods} × {span}" if alarm.periods > 1 else f"within {span}"
    return f"{_watched(alarm.watched)} over {alarm.threshold:,} {periods}"


def _watched(watched: Line | Math) -> str:
    return f"`{watched.expression}`" if isinstance(watched, Math) else f"{watched.stat} of `{watched.name}`"


def _costs() -> str:
    more = ", ".join(f"${_usd(one):.2f} more with {_WITH[one]}" for one in CONDITIONS)
    each, stack = f"${_USD_PER_METRIC:.2f}", f"${_usd(''):.2f}"
    return f"An alarm costs {each} a month for each metric that it watches: {stack} for a stack, {more}."


def _usd(condition: str) -> float:
    return _USD_PER_METRIC * sum(len(one.metrics) for one in ALARMS if one.condition == condition)


def kit_rows() -> dict[str, str]:
    """Title of our graph, by the row of KIT's dashboard."""
    return {graph.kit: graph.title for graph in graphs() if graph.kit}


if __name__ == "__main__":
    main(sys.argv[1:])
