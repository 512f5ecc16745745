"""The estimate against the template, the catalogue of detectors and the documentation."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.detectors import catalogue
from kinesight.domain.detectors.call_prices import MICRO_USD
from kinesight_cli.estimate.batches import Batch
from kinesight_cli.estimate.estimator import estimator
from kinesight_cli.estimate.prices import DETECTORS
from kinesight_cli.estimate.workload import Workload
from kinesight_cli.main import app
from kinesight_cli.shared.choices import default_budget
from kinesight_local.template import read_template
from typer.testing import CliRunner

from tests.unit.cli.estimate.stacks import PRICES, of, plain

ROOT = Path(__file__).resolve().parents[2]


def template() -> dict[str, Any]:
    document: dict[str, Any] = read_template(ROOT / "template.yaml")
    return document


def test_the_stack_is_read_from_the_template() -> None:
    overrides = {"ResultsShardCount": "4", "LiveStatus": "ENABLED", "SweepSchedule": "rate(1 hour)"}
    overrides |= {"ResultsRetentionHours": "48", "BatchingWindowSeconds": "7"}
    found = estimator(overrides, Workload(), PRICES).shape
    resources = template()["Resources"]

    assert found.shards == 4
    assert found.results_retention_hours == 48
    assert found.batches["analyze_images"] == Batch(10, 7.0, pollers=5)
    assert found.memory_mb["keep_evidence"] == resources["KeepEvidenceFunction"]["Properties"]["MemorySize"]
    assert found.runs["track_sessions"] == 43_200
    assert found.runs["configure_streams"] == 8_640
    assert found.queue_sources == 3
    assert found.dashboards == 1
    assert 0 < found.alarms <= sum(one["Type"] == "AWS::CloudWatch::Alarm" for one in resources.values())
    assert found.runs["conduct_live"] == 43_200
    assert found.runs["sweep_streams"] == 720
    assert "conduct_live" not in plain().shape.runs


def test_every_detector_has_a_price() -> None:
    parameters = template()["Parameters"]

    assert set(parameters["Detector"]["AllowedValues"]) == set(DETECTORS)
    assert set(DETECTORS.values()) <= set(PRICES.by_key)


def test_the_budget_and_the_estimate_have_the_same_prices() -> None:
    needed = {"face_collection_id": "staff", "custom_labels_model_arn": "arn", "sagemaker_endpoint_name": "m"} | {
        "sagemaker_async_output_bucket": "b"
    }
    needed |= {"http_model_url": "https://m"}
    for detector, entry in catalogue.DETECTORS.items():
        if detector == "BEDROCK":
            continue  # paid by token
        micro_usd = entry.price(entry.read(needed)).most
        price = PRICES[DETECTORS[detector]]
        a_call = price.first_usd if price.unit == "image" else 0.0
        assert a_call is not None
        assert a_call * MICRO_USD == pytest.approx(micro_usd), detector


def test_the_documents_have_the_current_tables() -> None:
    """After a change: .venv/bin/python scripts/cost_tables.py"""
    for path, fresh in runpy.run_path(str(ROOT / "scripts/cost_tables.py"))["documents"]().items():
        assert path.read_text() == fresh, f"{path.name}: run scripts/cost_tables.py"


def test_the_documentation_has_what_it_costs_to_keep_everything() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    records = {"keep.records": "ALL"}
    usual, kept, both = (of(**one).bill().usd_per_camera for one in ({}, records, {**records, "keep.fragments": "ALL"}))

    assert f"all records cost ${kept - usual:.0f} more, both ${both - usual:.0f};" in page


def test_the_sentences_on_the_initial_setup_are_those_of_the_estimate() -> None:
    done = CliRunner().invoke(app, ["estimate", "--cameras", "30", "--json"])
    document, readme = json.loads(done.stdout), (ROOT / "README.md").read_text()

    assert f"| **30 cameras, a month** | **${document['usd']:,.0f}** |" in readme
    assert document["warnings"] == []
    assert f"proposes ${default_budget(1)} a day for each camera, which is enough here;" in readme
    assert f"`DailyBudgetUsd` {default_budget(1)} a camera" in (ROOT / "docs/cost.md").read_text()
