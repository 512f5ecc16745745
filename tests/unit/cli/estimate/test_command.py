"""`kinesight estimate`: its default, its columns, Regions and price files."""

import json
from pathlib import Path
from typing import Any

import pytest
from kinesight_cli.main import app
from kinesight_cli.shared.console import console
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width", 300)


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["estimate", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def facts(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return document


def row(document: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["rows"] if one["price"] == key)
    return found


def test_the_default_is_what_init_sets_up() -> None:
    document = facts()
    full = document["fullRate"]

    assert row(document, "kvs.consume")["units"] == pytest.approx(324, rel=0.1)
    assert row(document, "rekognition.image.group2")["usd"] == pytest.approx(64.8)
    assert row(full, "rekognition.image.group2")["units"] == pytest.approx(259_200)
    assert full["usd"] == pytest.approx(sum(one["usd"] or 0 for one in full["rows"]), rel=1e-4)
    assert document["usd"] < 200 < 300 < full["usd"]


def test_the_table_has_both_columns() -> None:
    output = run("--cameras", "2")

    line = next(one for one in output.splitlines() if "per camera and month" in one)
    own, full = (float(cell.replace(",", "")) for cell in line.replace("│", " ").split()[-2:])
    assert own < full
    assert "full rate" in output
    assert "gate.mode=ON" in output.replace("\n", " ")


def test_an_unknown_tier_is_said_in_the_text_and_in_json() -> None:
    every = ("--parameter", "live.samplingInterval=1000")
    busy = ("--cameras", "40", *every, "--parameter", "gate.mode=OFF", "--parameter", "DailyBudgetUsd=")

    assert "unknown price: Rekognition: images analyzed, above 35,000,000 a month" in run(*busy)
    document = facts(*busy)
    tier = row(document, "rekognition.image.group2")["unknownTier"]
    assert (tier["above"], tier["assumedUsd"]) == (35_000_000, 0.0006)
    assert tier["units"] == pytest.approx(40 * 1_296_000 - 35_000_000)
    assert "unknown price" in {one["kind"] for one in document["remarks"]}
    thirty = facts("--cameras", "30", *every)
    assert "unknown price" not in {one["kind"] for one in thirty["remarks"]}
    assert "unknown price" in {one["kind"] for one in thirty["fullRate"]["remarks"]}
    assert "full rate, unknown price: Rekognition" in run("--cameras", "30", *every)
    few = facts()
    assert row(few, "rekognition.image.group2")["unknownTier"] is None
    assert "unknown price" not in {one["kind"] for one in few["remarks"]}


def test_another_region_has_its_own_prices_and_names_those_of_us_east_1() -> None:
    frankfurt = facts("--region", "eu-central-1")

    assert row(frankfurt, "s3.put")["per"]["usd"] == 5.4e-6
    assert (row(frankfurt, "s3.put")["priceRegion"], row(frankfurt, "kvs.ingest")["priceRegion"]) == (
        "eu-central-1",
        "us-east-1",
    )
    output = run("--region", "eu-central-1")
    assert "KVS: video sent to the stream (us-east-1)" in output
    assert "prices of us-east-1: " in output
    assert "prices of us-east-1" not in run()


def test_a_region_without_prices_is_an_error_that_says_what_to_do() -> None:
    assert "--prices-sample > prices.yaml" in run("--region", "eu-north-1", code=1)


def test_a_sample_is_filled_in_and_used(tmp_path: Path) -> None:
    sample = run("--region", "eu-north-1", "--prices-sample")
    file = tmp_path / "prices.yaml"
    file.write_text(sample.replace("kvs.ingest: {usd: null", "kvs.ingest: {usd: 0.02"))

    document = facts("--region", "eu-north-1", "--prices", str(file))

    assert document["region"] == "eu-north-1"
    assert row(document, "kvs.ingest")["usd"] == pytest.approx(324 * 0.02)
    assert row(document, "kvs.ingest")["priceRegion"] == "eu-north-1"


def test_help_explains_the_default_and_has_an_example() -> None:
    text = " ".join(run("--help").split())

    assert "what kinesight init sets up" in text
    assert "kinesight estimate --cameras 30 --region eu-central-1" in text
