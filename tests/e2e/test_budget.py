"""A stack with money for seven calls a day: more images come than that, by two ways, and no eighth call is made."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud
from PIL import Image

from tests.builders import ACCOUNT, an_image_key
from tests.e2e.conftest import STREAM
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.functional.test_vision import photograph
from tests.sample_video import write_sample_video

ROOT = Path(__file__).resolve().parents[2]
LOCAL_ACCOUNT = "123456789012"
CALLS = 7
IMAGES = 20
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {"StreamNames": "camera-*", "DailyBudgetUsd": f"{CALLS / 1000}"}
    document = {
        "schemaVersion": 1,
        "defaults": {"budgetSoftPercent": 100, "metricsPerStream": True},
        "limits": {"concurrentDetections": 2},
    }
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters, configuration=document) as cloud:
        cloud.ensure_stream(STREAM)
        cloud.deploy()
        yield cloud


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud) -> Stack:
    return Stack(cloud)


def log_lines(stack: Stack) -> list[dict[str, Any]]:
    """Every line of JSON that functions wrote."""
    lines = [line for path in stack.cloud.log_dir.glob("*") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def metrics(stack: Stack) -> Counter[str]:
    """Sums of what was counted for the alarms."""
    sums: Counter[str] = Counter()
    for line in log_lines(stack):
        for name in ("CallsPaid", "CallsOverBudget", "BudgetHardReached", "FramesOverBudget"):
            sums[name] += round(sum(line.get(name, ())))
    return sums


def spent_by_day(stack: Stack) -> dict[str, int]:
    """Calls that the stack's counter holds."""
    assert stack.cloud.stack is not None
    table = stack.cloud.stack.physical_id("CoordinationTable")
    found = stack.cloud.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "budget#stack"}},
    )["Items"]
    return {item["sk"]["S"]: int(item["calls"]["N"]) for item in found}


def expected_calls(stack: Stack) -> int:
    """Over midnight there is money for as many again; the counters hold each day's."""
    by_day = spent_by_day(stack)
    assert max(by_day.values()) == CALLS
    return sum(by_day.values())


def test_frames_over_budget_are_logged_and_neither_lost_nor_retried(stack: Stack) -> None:
    now_ms, image = int(time.time() * 1000), BytesIO()
    # Small, so that a busy machine responds in time: a call without a response is billed and retried.
    Image.open(BytesIO(photograph("astronaut.png"))).resize((160, 160)).save(image, "JPEG")
    for index in range(IMAGES):
        moments = {f"aws_kinesisvideo_{one}_timestamp": str(now_ms + index) for one in ("producer", "server")}
        stack.cloud.client("s3").put_object(
            Bucket=stack.outputs["ImagesBucketName"],
            Key=an_image_key(STREAM, now_ms + index).replace(ACCOUNT, LOCAL_ACCOUNT),
            Body=image.getvalue(),
            ContentType="image/jpeg",
            Metadata={"aws_kinesisvideo_fragment_number": f"{9 * 10**46 + index}"} | moments,
        )

    counted = eventually(lambda: metrics(stack), lambda sums: sums["CallsPaid"] + sums["CallsOverBudget"] >= IMAGES)

    calls = expected_calls(stack)
    over_budget_lines = [line for line in log_lines(stack) if line.get("message") == "over budget"]
    assert stack.cloud.vision.calls["DetectLabels"] == counted["CallsPaid"] == calls
    assert len(stack.results()) == calls
    assert counted["BudgetHardReached"] == counted["CallsOverBudget"] == len(over_budget_lines) == IMAGES - calls
    assert counted["FramesOverBudget"] == IMAGES - calls
    assert "the limit is reached" in over_budget_lines[0]["reason"]
    eventually(lambda: stack.waiting(), lambda waiting: waiting == 0)
    assert stack.new_dead_letters("ImagesDeadLetterQueueUrl") == []


def test_spend_is_estimated_by_stream_and_detector(stack: Stack) -> None:
    estimates = [line for line in log_lines(stack) if "EstimatedUsd" in line]

    assert {(line["StreamName"], line["Kind"]) for line in estimates} == {(STREAM, "REKOGNITION_LABELS")}
    assert sum(value for line in estimates for value in line["EstimatedUsd"]) == pytest.approx(
        stack.cloud.vision.calls["DetectLabels"] / 1000
    )


def test_a_range_over_budget_is_counted_and_extracts_no_images(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    video = tmp_path_factory.mktemp("video") / "demo.mp4"
    write_sample_video(video)
    play(STREAM, read_video(video), Tagging(image=False), lambda _: None, Pace(START))
    client = stack.cloud.client("stepfunctions")
    request = {"StreamName": STREAM, "StartTimestamp": START.isoformat()}
    request |= {"EndTimestamp": (START + timedelta(seconds=15)).isoformat()}

    arn = client.start_execution(stateMachineArn=stack.outputs["AnalyzeRangeArn"], name="r", input=json.dumps(request))
    execution = eventually(
        lambda: client.describe_execution(executionArn=arn["executionArn"]),
        lambda described: described["status"] != "RUNNING",
        seconds=120,
    )

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    summary = json.loads(execution["output"])
    assert summary["overBudget"] == summary["requested"] >= 10
    assert (summary["extracted"], summary["failed"], summary["cost"]["getImagesRequests"]) == (0, {}, 0)
    assert stack.cloud.vision.calls["DetectLabels"] == expected_calls(stack)
