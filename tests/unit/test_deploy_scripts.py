"""The scripts that finish a build, pack a release, and read cold starts."""

import json
import marshal
import os
import runpy
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scripts import package_release

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
UNCHECKED_HASH = 0b01
"""Flags of a .pyc file, PEP 552."""


@pytest.fixture(scope="module")
def finish_build() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPTS / "finish_build.py"))


@pytest.fixture(scope="module")
def measure() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPTS / "measure_cold_start.py"))


# ---- finish_build.py -----------------------------------------------------------------------------------------------


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    folder = tmp_path / "SomeLayer" / "python"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("WHERE = __file__\n\ndef fail():\n    raise ValueError\n")
    return folder


def byte_code(layer: Path) -> bytes:
    (compiled,) = layer.rglob("*.pyc")
    return compiled.read_bytes()


def test_a_layer_is_compiled_for_where_it_will_be(finish_build: dict[str, Any], layer: Path) -> None:
    compiled = finish_build["compile_layers"](layer.parents[1])
    content = byte_code(layer)
    code: CodeType = marshal.loads(content[16:])  # noqa: S302  # made a moment ago

    assert compiled == ["SomeLayer"]
    assert int.from_bytes(content[4:8], "little") == UNCHECKED_HASH
    assert code.co_filename == "/opt/python/package/__init__.py"


def test_it_is_used_whatever_the_times_of_files_are(finish_build: dict[str, Any], layer: Path) -> None:
    """A zip file keeps them to two seconds, and not at all in what Lambda makes of it."""
    finish_build["compile_layers"](layer.parents[1])
    os.utime(layer / "package" / "__init__.py", (0, 0))
    command = [sys.executable, "-v", "-c", "import package"]
    done = subprocess.run(command, env={"PYTHONPATH": str(layer)}, capture_output=True, text=True, check=True)

    assert "matches" in next(line for line in done.stderr.splitlines() if "package/__init__.py" in line)


def test_the_same_source_is_the_same_layer(finish_build: dict[str, Any], layer: Path) -> None:
    finish_build["compile_layers"](layer.parents[1])
    before = byte_code(layer)
    os.utime(layer / "package" / "__init__.py", (0, 0))
    finish_build["compile_layers"](layer.parents[1])

    assert byte_code(layer) == before


BUILT = """\
  OneFunction:
    Properties:
      AutoPublishCodeSha256:
        Ref: Release
  OtherFunction:
    Properties:
      AutoPublishCodeSha256: !Ref Release
  Page:
    Properties:
      PublishedRelease: !Ref Release
"""


def test_a_release_is_written_into_the_built_template_once(finish_build: dict[str, Any], tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(BUILT)

    assert finish_build["stamp"](template, "1795271261") == 2
    assert template.read_text().count("      AutoPublishCodeSha256: '1795271261'\n") == 2
    assert "      PublishedRelease: '1795271261'\n" in template.read_text()
    with pytest.raises(SystemExit, match="build anew"):
        finish_build["stamp"](template, "1795271262")


@pytest.mark.parametrize("release", ["", "12345678901", "v1.2", "a'b"])
def test_a_release_that_is_none_is_refused(finish_build: dict[str, Any], tmp_path: Path, release: str) -> None:
    with pytest.raises(SystemExit, match="no release"):
        finish_build["stamp"](tmp_path / "template.yaml", release)


def test_debug_information_is_taken_out_where_there_is_a_tool_for_it(
    finish_build: dict[str, Any], layer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "llvm-strip"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\ntest "$1" = --strip-debug && shift\nfor one; do printf half >"$one"; done\n')
    tool.chmod(0o755)
    module, patched = layer / "package" / "core.so", layer / "package.libs" / "libx.so"
    patched.parent.mkdir()
    for one in (module, patched):
        one.write_text("half half")

    monkeypatch.setenv("PATH", "/nowhere")
    assert finish_build["strip_layers"](layer.parents[1]) == 0
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    assert finish_build["strip_layers"](layer.parents[1]) == 5
    assert (module.read_text(), patched.read_text()) == ("half", "half half")


def test_without_a_build_it_exits_with_the_next_step(finish_build: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make build"):
        finish_build["main"](["--build-dir", str(tmp_path)])


# ---- package_release.py --------------------------------------------------------------------------------------------

CHOICE = "  Architecture:\n    Type: String\n    Default: arm64\n    AllowedValues:\n    - arm64\n    - x86_64\n"


def test_a_packed_template_is_for_one_processor_and_takes_the_workflow_next_to_it() -> None:
    built = CHOICE + "      DefinitionUri: ../../statemachines/analyze_range.asl.yaml\n      CodeUri: SomeFunction\n"

    assert package_release.self_contained(built, "x86_64") == (
        "  Architecture:\n    Type: String\n    Default: x86_64\n    AllowedValues:\n    - x86_64\n"
        "      DefinitionUri: statemachines/analyze_range.asl.yaml\n      CodeUri: SomeFunction\n"
    )
    with pytest.raises(SystemExit, match="Architecture"):
        package_release.self_contained("Parameters: {}\n", "arm64")


def test_the_same_files_are_the_same_zip(layer: Path, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    package_release.pack(layer, dist / "one.zip")
    os.utime(layer / "package" / "__init__.py", (1, 1))
    package_release.pack(layer, dist / "two.zip")

    assert (dist / "one.zip").read_bytes() == (dist / "two.zip").read_bytes()
    with zipfile.ZipFile(dist / "one.zip") as archive:
        assert archive.namelist() == ["package/__init__.py"]
        assert archive.infolist()[0].external_attr >> 16 == 0o644


def test_the_digests_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"abc")
    package_release.write_digests(tmp_path)
    package_release.write_digests(tmp_path)

    assert (tmp_path / "SHA256SUMS").read_text() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.zip\n"
    )


# ---- measure_cold_start.py -----------------------------------------------------------------------------------------


def report(**metrics: float) -> str:
    """As Lambda writes it with LogFormat JSON."""
    record = {"requestId": "1", "status": "success", "metrics": {"durationMs": 1.5, "memorySizeMB": 512} | metrics}
    return json.dumps({"time": "2026-11-21T14:00:00Z", "type": "platform.report", "record": record})


@pytest.fixture
def stack() -> Iterator[str]:
    resources = {
        "AnalyzeImagesFunction": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"ZipFile": "def handler(event, context): ..."},
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.13",
            },
        },
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
        "AnalyzeImagesLogs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "of-analyze-images"}},
        "AnalyzeRangeLogs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "of-the-workflow"}},
    }
    with mock_aws():
        boto3.client("cloudformation").create_stack(
            StackName="kinesight", TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
        )
        yield "of-analyze-images"


def write(group: str, *messages: str) -> None:
    logs, now = boto3.client("logs"), int(time.time() * 1000)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    events: Any = [{"timestamp": now, "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)


def test_cold_starts_are_those_of_the_functions_reports(
    measure: dict[str, Any], stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        stack,
        report(initDurationMs=700.25),
        report(initDurationMs=900.75),
        report(),
        report(restoreDurationMs=180.0),
        '{"message": "platform.report of another source"}',
        "not JSON: platform.report",
    )
    measure["main"](["kinesight", "--json"])

    assert json.loads(capsys.readouterr().out) == [
        {
            "function": "AnalyzeImagesFunction",
            "memory_mb": 512,
            "invocations": 4,
            "inits": 2,
            "init_median_ms": 800.5,
            "init_max_ms": 900.75,
            "restores": 1,
            "restore_median_ms": 180.0,
            "restore_max_ms": 180.0,
        }
    ]


def test_a_function_that_was_never_called_has_a_row(
    measure: dict[str, Any], stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    measure["main"](["kinesight"])

    assert "| AnalyzeImagesFunction | 0 | 0 | 0 | - | - | 0 | - | - |" in capsys.readouterr().out


def test_a_missing_stack_is_reported_with_the_next_step(measure: dict[str, Any], stack: str) -> None:
    with pytest.raises(SystemExit, match="Check the stack's name"):
        measure["main"](["another"])
