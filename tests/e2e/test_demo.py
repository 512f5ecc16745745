"""The README's first command, as a person runs it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def clean_environment() -> None:
    """A process of its own needs nothing of ours."""


def test_the_demo_finds_the_face_and_loses_nothing(tmp_path: Path) -> None:
    kinesight = str(Path(sys.executable).with_name("kinesight"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}

    done = subprocess.run(
        [kinesight, "demo"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "demo-report/summary.json").read_text())
    assert summary["lost"] == 0
    assert summary["imagesGenerated"] == summary["results"] == 24
    assert summary["matched"] == summary["alerts"] > 10
    assert summary["labels"]["Face"] > 10
    page = (tmp_path / "demo-report/index.html").read_text()
    assert page.count("<article>") == summary["matched"]
    assert len(list((tmp_path / "demo-report/archive").glob("*.mkv"))) == summary["fragmentsArchived"]
    assert "Traceback" not in done.stderr
    assert re.search(r"(?m)^Viewer: http://127\.0\.0\.1:\d+/#token=\S{40,}$", done.stdout)
    calls = summary["calls"]
    assert {name: one for name, one in calls.items() if abs(one["differencePercent"]) > 1} == {}
    assert calls["analyze_images rekognition:DetectLabels"]["counted"] == 24
    assert len(calls) == 15
    assert "analyze_images rekognition:DetectLabels" in page


def test_a_deployment_that_cannot_work_says_why_and_leaves_nothing_running(tmp_path: Path) -> None:
    kinesight = str(Path(sys.executable).with_name("kinesight"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    command = [kinesight, "local", "up", "--parameter", "TagFilters=nonsense"]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)

    assert done.returncode == 1
    assert "TagFilters is not JSON" in done.stderr
    assert "Traceback" not in done.stderr
