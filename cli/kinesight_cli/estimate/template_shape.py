"""Reads from the expanded template what affects cost: memory sizes, schedules and numbers of resources."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kinesight_cli.estimate.batches import QUEUE_POLLERS, Batch
from kinesight_cli.estimate.workload import MONTH_S

_UNITS_S = {"minute": 60, "hour": 3600, "day": 86_400}
_DAILY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Shape:
    """`memory_mb`, `runs` and `batches` are by function (analyze_images). `runs`: scheduled invocations per month;
    `batches`: of its queue or stream."""

    memory_mb: Mapping[str, int]
    runs: Mapping[str, float]
    batches: Mapping[str, Batch]
    queue_sources: int
    alarms: int
    dashboards: int
    shards: int
    results_retention_hours: int


def shape_of(resources: Mapping[str, Any], parameters: Mapping[str, str]) -> Shape:
    """Returns the shape. `resources`: those of the expanded template whose condition is true."""
    kinds = [one["Type"] for one in resources.values()]
    names = {logical: _verb(one) for logical, one in resources.items() if one["Type"] == "AWS::Lambda::Function"}
    stream = resources["ResultsStream"]["Properties"]
    return Shape(
        memory_mb={verb: int(resources[logical]["Properties"]["MemorySize"]) for logical, verb in names.items()},
        runs=_runs(resources, names, parameters),
        batches=dict(_batches(resources, names, parameters)),
        queue_sources=sum(_is_queue_source(one) for one in resources.values()),
        alarms=kinds.count("AWS::CloudWatch::Alarm"),
        dashboards=kinds.count("AWS::CloudWatch::Dashboard"),
        shards=int(_value(stream["ShardCount"], parameters)),
        results_retention_hours=int(_value(stream.get("RetentionPeriodHours", 24), parameters)),
    )


def _verb(function: Mapping[str, Any]) -> str:
    return str(function["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"])


def _runs(resources: Mapping[str, Any], names: Mapping[str, str], parameters: Mapping[str, str]) -> dict[str, float]:
    runs: dict[str, float] = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::Events::Rule" and "ScheduleExpression" in resource["Properties"]:
            every_s = interval_s(str(_value(resource["Properties"]["ScheduleExpression"], parameters)))
            for target in resource["Properties"]["Targets"]:
                for verb in {names[one] for one in _referred(target["Arn"]) if one in names}:
                    runs[verb] = runs.get(verb, 0.0) + MONTH_S / every_s
    return runs


def _batches(
    resources: Mapping[str, Any], names: Mapping[str, str], parameters: Mapping[str, str]
) -> Iterator[tuple[str, Batch]]:
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            source = resource["Properties"]
            window_s = float(_value(source.get("MaximumBatchingWindowInSeconds", 0), parameters))
            pollers = QUEUE_POLLERS if _is_queue_source(resource) else 1
            batch = Batch(int(source["BatchSize"]), window_s, pollers)
            yield from ((names[one], batch) for one in set(_referred(source["FunctionName"])) if one in names)


def interval_s(expression: str) -> float:
    """Returns the seconds between two runs; an expression that is not a rate() counts as once a day."""
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    return float(rate[1]) * _UNITS_S[rate[2]] if rate else _DAILY_S


def _referred(expression: Any) -> Iterator[str]:
    """Yields every text in it, and so the resources of Ref and Fn::GetAtt, in both branches of Fn::If."""
    if isinstance(expression, dict):
        expression = list(expression.values())
    if isinstance(expression, list):
        for one in expression:
            yield from _referred(one)
    else:
        yield str(expression)


def _is_queue_source(resource: Mapping[str, Any]) -> bool:
    return resource["Type"] == "AWS::Lambda::EventSourceMapping" and any(
        name.endswith("Queue") for name in _referred(resource["Properties"]["EventSourceArn"])
    )


def _value(expression: Any, parameters: Mapping[str, str]) -> Any:
    """Of a choice by a condition, the value without it."""
    if not isinstance(expression, dict):
        return expression
    return parameters[expression["Ref"]] if "Ref" in expression else _value(expression["Fn::If"][2], parameters)
