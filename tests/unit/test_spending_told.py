"""What CloudWatch is told of spending, in its embedded metric format."""

import json
from typing import Any

import pytest
from kinesight.domain.metering import Spending
from kinesight.observability import tell_of_spending


def told(capsys: pytest.CaptureFixture[str], spent: dict[tuple[str, str], Spending]) -> list[dict[str, Any]]:
    tell_of_spending(spent)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def dimensions(line: dict[str, Any]) -> dict[str, Any]:
    (names,) = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    return {name: line[name] for name in names}


def test_dollars_are_told_by_stream_and_detector_and_counts_of_all_together(capsys: pytest.CaptureFixture[str]) -> None:
    spent = {
        ("yard", "REKOGNITION_LABELS"): Spending(calls=3, micro_usd=3000, slowed=1),
        ("yard", "REKOGNITION_TEXT"): Spending(calls=1, micro_usd=1000),
        ("road", "REKOGNITION_LABELS"): Spending(slowed=2, stopped=4, unaccounted=1),
    }

    *estimates, counts = told(capsys, spent)

    assert [(dimensions(line), line["EstimatedUsd"]) for line in estimates] == [
        ({"service": "budget", "StreamName": "yard", "Detector": "REKOGNITION_LABELS"}, [0.003]),
        ({"service": "budget", "StreamName": "yard", "Detector": "REKOGNITION_TEXT"}, [0.001]),
    ]
    assert dimensions(counts) == {"service": "budget"}
    names = ("CallsPaid", "CallsHeldBack", "BudgetSoftReached", "BudgetHardReached", "BudgetReservationFailed")
    assert [counts[name] for name in names] == [[4], [7], [3], [4], [1]]


def test_nothing_spent_is_nothing_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, {}) == []
