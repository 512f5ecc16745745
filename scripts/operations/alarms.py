"""What an alarm consists of, and its YAML.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html has the
properties. Dimensions are those of `widgets.Line`: text in `${}` becomes `!Ref`, `!GetAtt` or `!Sub`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import yaml

from scripts.operations.widgets import Line

Properties = dict[str, list[str]]
"""YAML by property: one line for a value in_one_line its name, several for a value below it."""


class Feature(StrEnum):
    """Sections of the template that hold alarms, in the template's order."""

    STORAGE = "storage"
    ANALYZE = "analyze"
    EVIDENCE = "evidence"
    SESSIONS = "sessions"
    STREAMS = "streams"
    ON_DEMAND = "on-demand"
    NOTIFICATIONS = "notifications"
    LIVE = "live"
    CONSUMER = "consumer"
    VIEWER = "viewer"
    OPERATIONS = "operations"


@dataclass(frozen=True, slots=True)
class Math:
    """Metric math: `expression` over terms by id, each a metric or an expression over metrics."""

    id: str
    expression: str
    label: str
    terms: Mapping[str, Line | str]

    @property
    def lines(self) -> list[Line]:
        return [term for term in self.terms.values() if isinstance(term, Line)]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that goes off above `threshold` in each of `periods` periods. `runbook`: a heading of docs/runbook.md.

    `condition` is the template's; `reason` becomes a comment; `shared` names the properties that it takes by merge key.
    """

    name: str
    feature: Feature
    description: str
    runbook: str
    watched: Line | Math
    threshold: int = 0
    periods: int = 1
    period_s: int = 300
    condition: str = ""
    reason: str = ""
    depends_on: str = ""
    shared: str = "alarm"

    @property
    def metrics(self) -> list[Line]:
        return self.watched.lines if isinstance(self.watched, Math) else [self.watched]


def blocks(alarms: Iterable[Alarm]) -> dict[Feature, str]:
    """The lines of each section's alarms. The first alarm that takes shared properties defines them."""
    chosen = list(alarms)
    defined: set[str] = set()
    return {
        feature: "\n".join(
            "".join(f"  {line}\n" for line in _resource(one, defined)) for one in chosen if one.feature == feature
        )
        for feature in Feature
    }


def _resource(alarm: Alarm, defined: set[str]) -> Iterator[str]:
    if alarm.reason:
        yield f"# {alarm.reason}"
    yield f"{alarm.name}:"
    yield "  Type: AWS::CloudWatch::Alarm"
    for name, value in (("Condition", alarm.condition), ("DependsOn", alarm.depends_on)):
        if value:
            yield f"  {name}: {value}"
    yield "  Properties:"
    shared = _SHARED[alarm.shared]
    yield from _indented(_merged(alarm.shared, defined), 4)
    own = {name: lines for name, lines in _properties(alarm).items() if _resolved(shared).get(name) != lines}
    yield from _indented(_written(own), 4)


def _merged(name: str, defined: set[str]) -> Iterator[str]:
    if name in defined:
        yield f"<<: *{name}"
        return
    defined.add(name)
    yield f"<<: &{name}"
    shared = _SHARED[name]
    if shared.base:
        yield from _indented(_merged(shared.base, defined), 2)
    yield from _indented(_written(shared.properties), 2)


def _written(properties: Properties) -> Iterator[str]:
    for name, lines in properties.items():
        if len(lines) == 1:
            yield f"{name}: {lines[0]}"
        else:
            yield f"{name}:"
            yield from _indented(lines, 2)


def _indented(lines: Iterable[str], columns: int) -> Iterator[str]:
    return (" " * columns + line for line in lines)


@dataclass(frozen=True, slots=True)
class _Shared:
    """Properties under an anchor, and the anchor that they extend."""

    properties: Properties
    base: str = ""


_SHARED = {
    "alarm": _Shared(
        {
            "ComparisonOperator": ["GreaterThanThreshold"],
            "TreatMissingData": ["notBreaching"],
            "AlarmActions": ["[!Ref OperationsTopic]"],
            "OKActions": ["[!Ref OperationsTopic]"],
        }
    ),
    "version_alarm": _Shared(
        {
            "Namespace": ["AWS/Lambda"],
            "MetricName": ["Errors"],
            "Statistic": ["Sum"],
            "Period": ["60"],
            "EvaluationPeriods": ["1"],
            "Threshold": ["0"],
        },
        base="alarm",
    ),
}


def _resolved(shared: _Shared) -> Properties:
    return (_resolved(_SHARED[shared.base]) if shared.base else {}) | shared.properties


def _properties(alarm: Alarm) -> Properties:
    described = {"AlarmDescription": [_scalar(f"{alarm.description} Runbook - {alarm.runbook}.")]}
    limits = {"EvaluationPeriods": [str(alarm.periods)], "Threshold": [str(alarm.threshold)]}
    if isinstance(alarm.watched, Math):
        return described | {"Metrics": list(_math(alarm.watched, alarm.period_s))} | limits
    return (
        described | _metric(alarm.watched) | _statistic(alarm.watched.stat) | {"Period": [str(alarm.period_s)]} | limits
    )


def _metric(line: Line) -> Properties:
    dimensions = [f"{{ Name: {name}, Value: {_value(value)} }}" for name, value in line.dimensions]
    in_one_line = len(dimensions) <= 2
    return {
        "Namespace": [line.namespace],
        "MetricName": [line.name],
        "Dimensions": [f"[{', '.join(dimensions)}]"] if in_one_line else [f"- {one}" for one in dimensions],
    }


def _statistic(stat: str) -> Properties:
    return {"ExtendedStatistic" if re.fullmatch(r"p\d+", stat) else "Statistic": [stat]}


def _math(math: Math, period_s: int) -> Iterator[str]:
    yield f"- {{ Id: {math.id}, Expression: {json.dumps(math.expression)}, Label: {math.label} }}"
    for name, term in math.terms.items():
        if isinstance(term, str):
            yield f"- {{ Id: {name}, ReturnData: false, Expression: {json.dumps(term)} }}"
        else:
            yield from (f"- Id: {name}", "  ReturnData: false", "  MetricStat:", "    Metric:")
            yield from _indented(_written(_metric(term)), 6)
            yield from (f"    Period: {period_s}", f"    Stat: {term.stat}")


def _value(text: str) -> str:
    """A dimension's value as YAML."""
    whole = re.fullmatch(r"\$\{([\w:.]+)\}", text)
    if whole is None:
        return f'!Sub "{text}"' if "${" in text else text
    name = whole[1]
    if "::" in name:
        return f'!Ref "{name}"'
    return f"!GetAtt {name}" if "." in name else f"!Ref {name}"


def _scalar(text: str) -> str:
    """Text as YAML, quoted where it has to be."""
    try:
        is_plain = yaml.safe_load(f"key: {text}") == {"key": text}
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain else json.dumps(text, ensure_ascii=False)
