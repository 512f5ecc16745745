"""The README's first command, as a person runs it."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from subprocess import PIPE

import httpx
import pytest
from kinesight_cli.demo.run import demo_cloud, run_demo
from kinesight_local.fault_injection.error_responses import Call
from kinesight_local.fault_injection.proxy import FaultKind, FaultProxy, FaultRule, FaultRules

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def clean_environment() -> None:
    """A process of its own needs nothing of ours."""


def test_the_demo_finds_the_face_and_loses_nothing(tmp_path: Path) -> None:
    kinesight = str(Path(sys.executable).with_name("kinesight"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}

    with subprocess.Popen(
        [kinesight, "demo", "--keep"], cwd=tmp_path, env=environment, stdout=PIPE, stderr=PIPE, text=True
    ) as demo:
        said = _said_until(demo, "AWS_EC2_METADATA_DISABLED")
        viewer = re.search(r"(?m)^Viewer: (http://127\.0\.0\.1:\d+/)#token=\S{40,}$", said)
        assert viewer is not None, said
        assert "<title>" in httpx.get(viewer[1]).text
        demo.send_signal(signal.SIGINT)
        rest, complaints = demo.communicate(timeout=60)

    assert demo.returncode == 0, said + rest + complaints
    summary = json.loads((tmp_path / "demo-report/summary.json").read_text())
    assert summary["lost"] == 0
    assert summary["imagesGenerated"] == summary["results"] == 24
    assert summary["matched"] == summary["alerts"] > 10
    assert summary["labels"]["Face"] > 10
    page = (tmp_path / "demo-report/index.html").read_text()
    assert page.count("<article>") == summary["matched"]
    assert len(list((tmp_path / "demo-report/archive").glob("*.mkv"))) == summary["fragmentsArchived"]
    assert complaints == ""
    calls = summary["calls"]
    assert {name: one for name, one in calls.items() if abs(one["differencePercent"]) > 1} == {}
    assert calls["analyze_images rekognition:DetectLabels"]["counted"] == 24
    assert len(calls) == 15
    assert "analyze_images rekognition:DetectLabels" in page


class _Steps:
    """A progress that keeps its steps."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def step(self, text: str) -> None:
        self.texts.append(text)

    def amount(self, what: str, done: int, total: int | None) -> None:
        """Nothing."""


class _FirstCalls(FaultRules):
    """Rules for the first calls alone."""

    def __init__(self, count: int, rule: FaultRule) -> None:
        super().__init__()
        self._left = itertools.repeat(rule, count)

    def draw(self, call: Call) -> FaultRule | None:
        return next(self._left, None)


@pytest.mark.long
def test_the_demo_waits_for_a_slow_detector_and_says_so(tmp_path: Path) -> None:
    slow = _FirstCalls(10, FaultRule(FaultKind.SLOW, delay_ms=25_000))
    steps = _Steps()
    with demo_cloud(ROOT, tmp_path / "state") as cloud:
        detector = "AWS_ENDPOINT_URL_REKOGNITION"
        with FaultProxy(cloud.endpoints[detector], slow) as proxy:
            cloud.function_endpoints[detector] = proxy.url
            summary = run_demo(cloud, None, tmp_path / "report", steps)

    assert (summary.lost, summary.waiting, summary.problems) == (0, 0, [])
    assert summary.results == 24
    assert any(text.startswith("waiting for images: ") and "in flight" in text for text in steps.texts)


def _said_until(process: subprocess.Popen[str], last: str) -> str:
    """What it said, up to the line that holds `last`, or all there is."""
    assert process.stdout is not None
    timeout = threading.Timer(240, process.kill)
    timeout.start()
    said = ""
    for line in process.stdout:
        said += line
        if last in line:
            break
    timeout.cancel()
    return said


@pytest.mark.long
def test_the_local_cloud_gets_ready_and_writes_its_environment(tmp_path: Path) -> None:
    kinesight = str(Path(sys.executable).with_name("kinesight"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}

    with subprocess.Popen(
        [kinesight, "local", "up"], cwd=tmp_path, env=environment, stdout=PIPE, stderr=PIPE, text=True
    ) as local:
        printed = _said_until(local, "Viewer: ")
        script = "source .kinesight/env && echo $AWS_ENDPOINT_URL_KINESIS_VIDEO"
        address = subprocess.check_output(["bash", "-c", script], cwd=tmp_path, env=environment, text=True).strip()
        assert httpx.post(f"{address}/listStreams", json={}).status_code in (200, 400, 403)
        local.send_signal(signal.SIGINT)
        rest, complaints = local.communicate(timeout=60)

    assert "Ready" in printed
    assert (local.returncode, complaints) == (0, ""), rest


def test_a_deployment_that_cannot_work_says_why_and_leaves_nothing_running(tmp_path: Path) -> None:
    kinesight = str(Path(sys.executable).with_name("kinesight"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    command = [kinesight, "local", "up", "--parameter", "TagFilters={nonsense}"]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)

    assert done.returncode == 1
    assert "TagFilters is not valid JSON" in done.stderr
    assert "Traceback" not in done.stderr
