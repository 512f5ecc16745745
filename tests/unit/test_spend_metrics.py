"""Spend as metrics, in CloudWatch's embedded metric format."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kinesight import observability
from kinesight.domain.detectors.spend import Spend
from kinesight.frame_metrics import emit_spend_metrics

SPENT = {
    ("yard", "REKOGNITION_LABELS"): Spend(calls=3, micro_usd=3000, slowed=1),
    ("yard", "REKOGNITION_TEXT"): Spend(calls=1, micro_usd=1000),
    ("road", "REKOGNITION_LABELS"): Spend(slowed=2, stopped=4, unaccounted=1),
}


def emitted(
    capsys: pytest.CaptureFixture[str], spent: dict[tuple[str, str], Spend], per_stream: bool = False
) -> list[dict[str, Any]]:
    emit_spend_metrics(spent, lambda _: per_stream)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def dimensions(line: dict[str, Any]) -> list[dict[str, Any]]:
    sets = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    return [{name: line[name] for name in names} for names in sets]


@pytest.fixture(autouse=True)
def stack_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STACK_NAME", "front")
    observability._settings.cache_clear()
    yield
    observability._settings.cache_clear()


@pytest.mark.parametrize("per_stream", [False, True])
def test_dollars_are_emitted_by_detector_and_if_enabled_by_stream(
    capsys: pytest.CaptureFixture[str], per_stream: bool
) -> None:
    *estimates, _ = emitted(capsys, SPENT, per_stream)

    budget = {"Stack": "front", "service": "budget"}
    place = {"StreamName": "yard"} if per_stream else {}
    assert [(dimensions(line), line["EstimatedUsd"]) for line in estimates] == [
        ([budget, budget | {"Kind": "REKOGNITION_LABELS"} | place], [0.003]),
        ([budget, budget | {"Kind": "REKOGNITION_TEXT"} | place], [0.001]),
    ]


@pytest.mark.parametrize("per_stream", [False, True])
def test_counts_are_of_all_together(capsys: pytest.CaptureFixture[str], per_stream: bool) -> None:
    *_, counts = emitted(capsys, SPENT, per_stream)

    assert dimensions(counts) == [{"Stack": "front", "service": "budget"}]
    names = ("CallsPaid", "CallsOverBudget", "BudgetSoftReached", "BudgetHardReached", "BudgetReservationFailed")
    assert [counts[name] for name in names] == [[4], [7], [3], [4], [1]]


def test_without_spend_nothing_is_emitted(capsys: pytest.CaptureFixture[str]) -> None:
    assert emitted(capsys, {}) == []
