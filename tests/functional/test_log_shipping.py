"""The functions' log files arrive in CloudWatch Logs: every whole line once, with the time it was written."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight.domain.model import to_epoch_ms
from kinesight_local.log_shipping import LogShipper
from moto import mock_aws

from tests.e2e.test_event_driven_path import eventually


@pytest.fixture
def logs() -> Iterator[Any]:
    with mock_aws():
        client: Any = boto3.client("logs")
        client.create_log_group(logGroupName="group")
        yield client


# Of today, because PutLogEvents takes nothing that is older than 14 days.
BEGIN = datetime.now(UTC).replace(microsecond=250_000) - timedelta(hours=2)


def a_line(number: int) -> str:
    """A line as Powertools writes it."""
    written = BEGIN + timedelta(seconds=number)
    return json.dumps({"message": f"line {number}", "timestamp": f"{written:%Y-%m-%d %H:%M:%S},250+0000"})


def arrived(logs: Any) -> list[str]:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="group", filterPattern="")
    return [str(event["message"]) for page in pages for event in page["events"]]


def test_whole_lines_arrive_as_they_are_written_and_the_rest_at_the_end(logs: Any, tmp_path: Path) -> None:
    log = tmp_path / "f.log"
    shipper = LogShipper(logs, tmp_path)
    shipper.add("f", "group")
    shipper.add("silent", "group")
    log.write_text(f"START\n{a_line(1)}\n{a_line(2)[:20]}")

    seen = eventually(lambda: arrived(logs), lambda lines: len(lines) == 2)
    assert sorted(seen) == sorted(["START", a_line(1)])
    with log.open("a") as more:
        more.write(a_line(2)[20:] + "\n")
    shipper.stop()

    assert sorted(arrived(logs)) == sorted(["START", a_line(1), a_line(2)])
    (event,) = (one for one in logs.filter_log_events(logGroupName="group")["events"] if "line 2" in one["message"])
    assert event["timestamp"] == to_epoch_ms(BEGIN + timedelta(seconds=2))


def test_more_lines_than_fit_into_one_call_arrive(logs: Any, tmp_path: Path) -> None:
    lines = [a_line(number) for number in range(2500)] + ["x" * 300_000, "y" * 300_000]
    (tmp_path / "f.log").write_text("\n".join(lines) + "\n")

    shipper = LogShipper(logs, tmp_path)
    shipper.add("f", "group")
    shipper.stop()

    assert sorted(arrived(logs)) == sorted(lines)
