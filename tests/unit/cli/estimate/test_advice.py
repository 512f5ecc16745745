"""Warnings about an estimate, and the change that saves most."""

from collections.abc import Mapping

import pytest
from kinesight_cli.estimate.advice import best_saving
from kinesight_cli.estimate.bill import Bill
from kinesight_cli.estimate.estimator import Estimator, estimator
from kinesight_cli.estimate.workload import Workload, assumed

from tests.unit.cli.estimate.stacks import PRICES, configured, of


def test_expensive_settings_cause_warnings() -> None:
    def said(found: Estimator) -> str:
        return " | ".join(found.warnings(found.bill()))

    assert "12,960,000 calls" in said(of(SamplingInterval="200"))
    assert "default quota of 50" in said(of(assumed(["cameras=200"]), SamplingInterval="1000"))
    assert "by image generation and by live consumers" in said(of(LiveStatus="ENABLED"))
    assert "nothing is analyzed" in said(of(ImageGenerationStatus="DISABLED"))
    assert said(of(SamplingInterval="20000")) == ""
    assert "DailyBudgetUsd=10 is less than the $28.80 per day" in said(of(DailyBudgetUsd="10"))
    two = assumed(["cameras=2"])
    assert "ailyBudget" not in said(of(two, DailyBudgetUsd="60", dailyBudgetUsd="30"))
    assert "dailyBudgetUsd=1 in the configuration document is less" in said(of(dailyBudgetUsd="1"))
    assert "sets detector to null" in said(of(Detector="NONE"))


def test_the_best_saving_is_named() -> None:
    busy, gated = of(SamplingInterval="3000"), of(SamplingInterval="3000", **{"gate.mode": "ON"})

    best = best_saving(busy.parameters, busy.bill(), busy.bill)
    assert best is not None
    assert str(best) == "gate.mode=ON in the configuration document"
    assert best.usd_per_camera == pytest.approx(busy.bill().usd - gated.bill().usd)
    slower = best_saving(gated.parameters, gated.bill(), gated.bill)
    assert slower is not None
    assert str(slower) == "SamplingInterval=9000"
    idle = of(assumed(["hours_per_day=0", "sessions_per_day=0"]))
    assert best_saving(idle.parameters, idle.bill(), idle.bill) is None


def test_keeping_less_is_a_saving() -> None:
    found = of(**{"keep.records": "ALL", "keep.fragments": "ALL"})
    bill, tried = found.bill(), set[tuple[str, str]]()

    def estimate(settings: Mapping[str, str]) -> Bill:
        tried.add((settings["keep.records"], settings["keep.fragments"]))
        return bill

    best_saving(found.parameters, bill, estimate)

    assert {("MATCHED", "ALL"), ("ALL", "MATCHED")} < tried


def test_a_saving_names_what_has_an_effect() -> None:
    found = estimator({"HttpModelUrl": "https://m"}, Workload(), PRICES, configured())
    best = found.saving(found.bill())

    assert best is not None
    assert str(best) == "imageGeneration.samplingInterval=3000 in the configuration document"
