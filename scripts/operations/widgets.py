"""What a dashboard is made of, and its JSON.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html has the form.
Text in `${}` is CloudFormation's to fill in (Fn::Sub).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kinesight.metric_catalogue import NAMESPACE, Metric

STACK = "${AWS::StackName}"
OPTIONAL_ALARMS = "${OptionalAlarms}"
"""A list of ARNs, each behind a comma, or nothing; so it replaces an element and the comma before it."""
_COLUMNS = 24
_HEIGHT = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One metric in a graph. `dimensions` are name and value; a value may name a resource in `${}`."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str
    label: str
    metric: Metric | None = None

    def json(self) -> list[Any]:
        flat = [text for pair in self.dimensions for text in pair]
        return [self.namespace, self.name, *flat, {"stat": self.stat, "label": self.label}]


@dataclass(frozen=True, slots=True)
class Search:
    """Every metric of a name that there is under certain dimensions, of which some values are given.

    A search finds what had data within two weeks, and draws up to 500 lines ("Using search expressions in graphs").
    """

    namespace: str
    name: str
    schema: tuple[str, ...]
    given: tuple[tuple[str, str], ...]
    stat: str
    label: str
    metric: Metric | None = None
    added_up: bool = False

    def json(self) -> list[Any]:
        place = ",".join([self.namespace, *self.schema])
        terms = " ".join(f'{name}="{value}"' for name, value in (("MetricName", self.name), *self.given))
        expression = f"SEARCH('{{{place}}} {terms}', '{self.stat}')"
        return [{"expression": f"SUM({expression})" if self.added_up else expression, "label": self.label}]


def own(metric: Metric, service: str, stat: str = "Sum", label: str = "") -> Line:
    """One of our metrics, as a service emits it. Raises ValueError if it does not."""
    facts = metric.value
    if service not in facts.services:
        raise ValueError(f"{service} does not emit {facts.name}")
    dimensions = (("Stack", STACK), ("service", service))
    return Line(NAMESPACE, facts.name, dimensions, stat, label or facts.name, metric)


def of_each(metric: Metric, dimension: str, service: str | None = None, stat: str = "Sum") -> Search:
    """One of our metrics for each value of a dimension that it has besides; of one service, or of all."""
    facts = metric.value
    if not (facts.per_stream if dimension == "StreamName" else facts.split):
        raise ValueError(f"{facts.name} has no {dimension}")
    given = (("Stack", STACK),) if service is None else (("Stack", STACK), ("service", service))
    # Fn::Sub makes ${!x} into ${x}, which CloudWatch then fills in for each line.
    label = f"${{!PROP('Dim.service')}} ${{!PROP('Dim.{dimension}')}}"
    return Search(NAMESPACE, facts.name, ("Stack", "service", dimension), given, stat, label, metric)


def of_all(metric: Metric) -> Search:
    """One of our counts, of all services that emit it together."""
    name = metric.value.name
    return Search(NAMESPACE, name, ("Stack", "service"), (("Stack", STACK),), "Sum", name, metric, added_up=True)


def of_aws(namespace: str, name: str, stat: str, label: str = "", **dimensions: str) -> Line:
    """A metric of an AWS service."""
    return Line(namespace, name, tuple(dimensions.items()), stat, label or name)


@dataclass(frozen=True, slots=True)
class Graph:
    """Lines over time. `kit`: the row of KIT's dashboard that this is, as its guide names it."""

    title: str
    lines: Sequence[Line | Search]
    kit: str = ""
    period_s: int = 60
    stacked: bool = False

    def json(self) -> dict[str, Any]:
        properties = {
            "title": self.title,
            "region": "${AWS::Region}",
            "view": "timeSeries",
            "stacked": self.stacked,
            "period": self.period_s,
            "metrics": [line.json() for line in self.lines],
        }
        return {"type": "metric", "properties": properties}


@dataclass(frozen=True, slots=True)
class Text:
    """Markdown."""

    markdown: str

    def json(self) -> dict[str, Any]:
        return {"type": "text", "properties": {"markdown": self.markdown}}


@dataclass(frozen=True, slots=True)
class Alarms:
    """States of alarms, by logical id; those that only some stacks have are put behind them by CloudFormation."""

    title: str
    logical_ids: Sequence[str]

    def json(self) -> dict[str, Any]:
        arns = [f"${{{one}.Arn}}" for one in self.logical_ids]
        return {"type": "alarm", "properties": {"title": self.title, "alarms": [*arns, OPTIONAL_ALARMS]}}


@dataclass(frozen=True, slots=True)
class Row:
    """Widgets side by side under a heading."""

    heading: str
    widgets: Sequence[Graph | Alarms]


def placed(heading: Text, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The widgets with their places: a line of text over each row, and the row's widgets as wide as there is room."""
    yield {**_place(0, 0, _COLUMNS, 2), **heading.json()}
    y = 2
    for row in rows:
        yield {**_place(0, y, _COLUMNS, 1), **Text(f"## {row.heading}").json()}
        width = _COLUMNS // len(row.widgets)
        for number, widget in enumerate(row.widgets):
            yield {**_place(number * width, y + 1, width, _HEIGHT), **widget.json()}
        y += 1 + _HEIGHT


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "width": width, "height": height}


def body(widgets: Iterator[dict[str, Any]]) -> str:
    """A dashboard's body, one widget a line."""
    lines = ",\n".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in widgets)
    lines = lines.replace(f',"{OPTIONAL_ALARMS}"', OPTIONAL_ALARMS)
    return f'{{"periodOverride":"inherit","widgets":[\n{lines}\n]}}'
