"""The demo report escapes untrusted text."""

from dataclasses import replace
from pathlib import Path

from kinesight_cli.demo.accounting import summarize
from kinesight_cli.demo.report import local_path, render
from kinesight_cli.estimate.call_comparison import CallComparison

from tests.builders import a_detection, a_frame, a_record
from tests.unit.cli.demo.test_accounting import COMPLETE


def test_hostile_names_and_labels_are_escaped(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    record = a_record(
        a_frame(tags={hostile: hostile}), detections=(a_detection(label=hostile),), matched_labels=(hostile,)
    )

    page = render(summarize(COMPLETE), [record], tmp_path)

    assert hostile not in page
    assert "&lt;img src=x" in page


def test_links_lead_only_to_existing_files(tmp_path: Path) -> None:
    page = render(summarize(COMPLETE), [a_record()], tmp_path)

    assert "video fragment" not in page
    assert local_path("archive/stream=cam/date=2026-01-01/123.mkv") == "archive/123.mkv"


def test_calls_are_shown_with_their_estimate(tmp_path: Path) -> None:
    summary = replace(summarize(COMPLETE), calls=(CallComparison("a s3:HeadObject images", 25, 24.0),))

    assert "<td>a s3:HeadObject images</td><td>25</td><td>24.0</td><td>-4.0 %</td>" in render(summary, [], tmp_path)


def test_a_run_without_matches_says_so(tmp_path: Path) -> None:
    assert "Nothing matched" in render(summarize(COMPLETE), [], tmp_path)
