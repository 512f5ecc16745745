"""Writes the dashboard into template.yaml, the metrics and its rows into docs/operations.md: `make dashboard`."""

from pathlib import Path

from kinesight.metric_catalogue import Metric, MetricFacts

from scripts.dashboard.rows import HEADING, ROWS, graphs
from scripts.dashboard.widgets import Alarms, body, placed

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
OPERATIONS = ROOT / "docs/operations.md"
_INDENT = " " * 12


def dashboard_block() -> str:
    """The generated lines of template.yaml."""
    return "        - |\n" + "".join(f"{_INDENT}{line}\n" for line in body(placed(HEADING, ROWS)).splitlines())


def metrics_table() -> str:
    """Every metric of the catalogue, as Markdown."""
    rows = [_metric_row(metric.value) for metric in Metric]
    return "\n".join(["| metric | unit | service | what it counts |", "|---|---|---|---|", *rows]) + "\n"


def rows_table() -> str:
    """What the dashboard shows, beside KIT's."""
    lines = ["| row | graph | KIT's |", "|---|---|---|"]
    for row in ROWS:
        for widget in row.widgets:
            kit = "" if isinstance(widget, Alarms) else widget.kit
            lines.append(f"| {row.heading} | {widget.title} | {kit} |")
    return "\n".join(lines) + "\n"


def kit_rows() -> dict[str, str]:
    """Title of our graph, by the row of KIT's dashboard."""
    return {graph.kit: graph.title for graph in graphs() if graph.kit}


def replaced(text: str, name: str, generated: str) -> str:
    """The text with the lines between `<name>` and `</name>` replaced. Raises ValueError where these are not."""
    lines = text.splitlines(keepends=True)
    (begin,) = (number for number, line in enumerate(lines) if f"<{name}>" in line)
    (end,) = (number for number, line in enumerate(lines) if f"</{name}>" in line)
    return "".join([*lines[: begin + 1], generated, *lines[end:]])


def _metric_row(facts: MetricFacts) -> str:
    further = f"; by {facts.split}" if facts.split else ""
    per_stream = "; per stream" if facts.per_stream else ""
    services = ", ".join(f"`{one}`" for one in facts.services)
    return f"| `{facts.name}` | {facts.unit} | {services} | {facts.meaning}{further}{per_stream} |"


def template(text: str) -> str:
    return replaced(text, "dashboard", dashboard_block())


def operations(text: str) -> str:
    return replaced(replaced(text, "metrics", metrics_table()), "rows", rows_table())


if __name__ == "__main__":
    TEMPLATE.write_text(template(TEMPLATE.read_text()))
    OPERATIONS.write_text(operations(OPERATIONS.read_text()))
