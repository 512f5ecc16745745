"""`kinesight estimate`: parameters, documents and deployed stacks that it reads."""

import json
from pathlib import Path

import boto3
import pytest
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight_cli.main import app
from moto import mock_aws
from typer.testing import CliRunner

from tests.unit.cli.estimate.stacks import CONFIGURATION

FULL_IMAGES = [
    *("--parameter", "LiveStatus=DISABLED", "--parameter", "ImageGenerationStatus=ENABLED"),
    *("--parameter", "gate.mode=OFF", "--parameter", "DailyBudgetUsd="),
]
"""Generated images, each of them analyzed."""


def test_the_command_prints_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, ["estimate", *FULL_IMAGES, "--parameter", "SamplingInterval=200", "--compare"])

    assert done.exit_code == 0, done.output
    for said in (
        "8,976.00",
        "not included: KVS: images generated",
        "gate.mode=ON in the configuration document saves most",
        "KIT",
        "cameras=1 ",
    ):
        assert said in done.output


def test_the_command_prints_json() -> None:
    done = CliRunner().invoke(app, ["estimate", *FULL_IMAGES, "--cameras", "3", "--json", "--compare"])

    document = json.loads(done.stdout)
    assert document["usd"] == pytest.approx(3 * document["usdPerCamera"], rel=1e-4)
    assert document["usd"] == pytest.approx(sum(row["usd"] or 0 for row in document["rows"]), rel=1e-4)
    assert document["saving"]["parameter"] == "gate.mode"
    assert set(document["comparison"]) == {"this stack", "configured like KIT", "KIT", "Rekognition Streaming"}
    assert {"formula", "call", "units"} == set(document["rows"][0]["lines"][0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--parameter", "Nonsense=1"], "no such parameters: Nonsense"),
        (["--parameter", "SamplingInterval=soon"], "which is no number"),
        (["--parameter", "SamplingInterval"], "is not NAME=VALUE"),
        (["--parameter", "gate.mod=ON"], "no such settings of the configuration document: gate.mod"),
        (["--parameter", "gate.mode=MAYBE"], "defaults.gate.mode: Input should be"),
        (["--parameter", "followUp.detector=OWN"], "there is no detector 'OWN'"),
        (["--parameter", "followUp.detector=HTTP"], "set the parameter HttpModelUrl"),
        (["--assume", "colour=red"], "is not an assumption: choose one of"),
        (["--region", "mars-1"], "no prices of the Region mars-1"),
        (["--prices", "nowhere.json"], "nowhere.json is not a valid price file"),
    ],
)
def test_the_command_names_what_is_wrong(arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    done = CliRunner().invoke(app, ["estimate", *arguments])

    assert done.exit_code != 0
    assert said in done.output


@mock_aws
def test_the_parameters_of_a_deployed_stack_are_used() -> None:
    boto3.client("s3").create_bucket(Bucket="evidence")
    _deploy_a_stack()

    done = CliRunner().invoke(app, ["estimate", "--stack", "mine", "--json"])
    other = CliRunner().invoke(app, ["estimate", "--stack", "mine", "--parameter", "SamplingInterval=1000", "--json"])
    absent = CliRunner().invoke(app, ["estimate", "--stack", "yours"])

    assert _image_units(done.stdout) == pytest.approx(129_600)
    assert _image_units(other.stdout) == pytest.approx(2_592_000)
    assert absent.exit_code == 1
    assert "there is no stack yours" in absent.output


def test_the_command_reads_a_configuration_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    file = tmp_path / "cameras.yaml"
    file.write_text(CONFIGURATION)
    command = ["estimate", "--config", str(file), "--parameter", "HttpModelUrl=https://m"]

    done = CliRunner().invoke(app, command)
    ineffective = CliRunner().invoke(app, [*command, "--parameter", "SamplingInterval=200"])

    assert done.exit_code == 0, done.output
    assert "detector=own, gate.mode=ON, " in done.output.replace("\n", " ")
    assert ineffective.exit_code == 1
    assert "the parameter SamplingInterval has no effect" in ineffective.output


@mock_aws
def test_the_document_of_a_deployed_stack_is_used(tmp_path: Path) -> None:
    boto3.client("s3").create_bucket(Bucket="evidence")
    document = {"schemaVersion": 1, "defaults": {"imageGeneration": {"samplingInterval": 1000}}}
    _deploy_a_stack()
    boto3.client("s3").put_object(Bucket="evidence", Key=DOCUMENT_KEY, Body=json.dumps(document))
    file = tmp_path / "empty.json"
    file.write_text('{"schemaVersion": 1}')

    own = CliRunner().invoke(app, ["estimate", "--stack", "mine", "--json"])
    other = CliRunner().invoke(app, ["estimate", "--stack", "mine", "--config", str(file), "--json"])

    assert _image_units(own.stdout) == pytest.approx(2_592_000)
    assert _image_units(other.stdout) == pytest.approx(129_600)


def _deploy_a_stack() -> None:
    template = {
        "Parameters": {"SamplingInterval": {"Type": "Number"}, "StreamNames": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"EvidenceBucketName": {"Value": "evidence"}},
    }
    boto3.client("cloudformation").create_stack(
        StackName="mine",
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": "SamplingInterval", "ParameterValue": "20000"},
            {"ParameterKey": "StreamNames", "ParameterValue": "front-*"},
        ],
    )


def _image_units(text: str) -> float:
    return float(next(row["units"] for row in json.loads(text)["rows"] if row["price"] == "kvs.image"))
