"""The on-demand workflow on the deployed stack: a time range in, every sampled image analyzed once, a summary out."""

import json
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.on_demand.windows import Grid, covered_slots
from kinesight.domain.ports import FragmentSpan
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.faults import Fail, Faults, Throttle

from tests.e2e.conftest import STREAM
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.sample_video import write_sample_video
from tests.user_stacks import deploy_example

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud) -> Stack:
    return Stack(cloud)


@pytest.fixture(scope="module")
def recorded(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The demo's video twice, with a gap of a minute, in a camera that tags nothing."""
    sample = tmp_path_factory.mktemp("sample") / "demo.mp4"
    write_sample_video(sample)
    video = read_video(sample)
    for start in (START, START + timedelta(seconds=90)):
        play(STREAM, video, Tagging(image=False), lambda _: None, Pace(start))


def run(stack: Stack, name: str, **parameters: Any) -> dict[str, Any]:
    """Runs an execution until it ends; returns the response of DescribeExecution."""
    client = stack.cloud.client("stepfunctions")
    document = {"StreamName": STREAM, "StartTimestamp": START.isoformat()} | parameters
    arn = client.start_execution(
        stateMachineArn=stack.outputs["AnalyzeRangeArn"], name=name, input=json.dumps(document)
    )["executionArn"]
    deadline = time.monotonic() + 120
    while (execution := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return dict(execution)


def later(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def expected_ms(stack: Stack, end_s: float, interval_ms: int) -> list[int]:
    """The moments that the fragments cover, from ListFragments."""
    archived = stack.cloud.client("kinesis-video-archived-media")
    times = {"StartTimestamp": START, "EndTimestamp": START + timedelta(seconds=end_s)}
    listed = archived.list_fragments(
        StreamName=STREAM, FragmentSelector={"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": times}
    )["Fragments"]
    spans = [
        FragmentSpan(one["FragmentNumber"], to_epoch_ms(one["ProducerTimestamp"]), one["FragmentLengthInMilliseconds"])
        for one in listed
    ]
    start_ms = to_epoch_ms(START)
    grid = Grid(start_ms, start_ms + round(1000 * end_s), interval_ms)
    return sorted(at_ms for _, slots in covered_slots(grid, spans) for at_ms in slots)


@pytest.mark.usefixtures("recorded")
class TestOneRange:
    def test_every_sampled_image_is_analyzed_once(self, stack: Stack) -> None:
        execution = run(stack, "first", EndTimestamp=later(150), SamplingInterval=2000)

        assert execution["status"] == "SUCCEEDED", execution.get("cause")
        summary = json.loads(execution["output"])
        parameters = expected_ms(stack, 150, 2000)
        frames = [record.frame for record in stack.results()]
        assert len(parameters) > 20
        assert sorted(to_epoch_ms(frame.image_timestamp) for frame in frames) == parameters
        assert summary["requested"] == summary["extracted"] == summary["published"] == len(parameters)
        assert summary["missing"] == {}
        assert summary["failedWindows"] == 0
        assert summary["detections"].get("Face", 0) > 0
        assert all(frame.source == "on-demand" and frame.fragment_number for frame in frames)

    def test_a_second_execution_adds_nothing(self, stack: Stack) -> None:
        before = len(stack.results())

        summary = json.loads(run(stack, "second", EndTimestamp=later(150), SamplingInterval=2000)["output"])

        assert len(stack.results()) == before
        assert (summary["published"], summary["alreadyAnalyzed"]) == (0, before)

    def test_the_summary_is_in_s3(self, stack: Stack) -> None:
        s3 = stack.cloud.client("s3")
        body = s3.get_object(Bucket=stack.outputs["ImagesBucketName"], Key="on-demand/first/summary.json")["Body"]

        assert json.loads(body.read())["execution"] == "first"

    def test_images_on_demand_are_not_taken_for_kvs_own(self, stack: Stack) -> None:
        assert stack.new_dead_letters("ImagesDeadLetterQueueUrl") == []

    @pytest.mark.long
    def test_under_faults_the_results_are_the_same(self, stack: Stack) -> None:
        """Another interval, so other moments: nothing of it was analyzed before."""
        stack.cloud.kvs.service.faults.set(
            Faults(
                faults=(
                    Throttle(operation="GetImages", probability=0.2),
                    Fail(operation="GetImages", probability=0.05),
                    Throttle(operation="ListFragments", count=2),
                )
            )
        )
        try:
            execution = run(stack, "faults", EndTimestamp=later(150), SamplingInterval=700)
        finally:
            stack.cloud.kvs.service.faults.clear()

        parameters = set(expected_ms(stack, 150, 700))
        seen = Counter(to_epoch_ms(record.frame.image_timestamp) for record in stack.results())
        assert execution["status"] == "SUCCEEDED", execution.get("cause")
        assert {at_ms for at_ms in seen if (at_ms - to_epoch_ms(START)) % 700 == 0} == parameters
        assert set(seen.values()) == {1}


@pytest.mark.parametrize(
    ("parameters", "error", "cause"),
    [
        ({"EndTimestamp": later(-1)}, "InvertedRangeError", "swap them"),
        (
            {"StartTimestamp": "2100-01-01T00:00:00Z", "EndTimestamp": "2100-01-02T00:00:00Z"},
            "RangeInFutureError",
            "choose",
        ),
        (
            {"StartTimestamp": "2020-01-01T00:00:00Z", "EndTimestamp": "2020-01-01T01:00:00Z"},
            "NoMediaError",
            "no media",
        ),
        ({"StreamName": "no-such-stream", "EndTimestamp": later(1)}, "StreamGoneError", "no-such-stream"),
        ({"StreamName": "camera-0", "EndTimestamp": later(1)}, "NoRetentionError", "retention"),
        ({"EndTimestamp": later(1), "SamplingInterval": 100}, "InvalidInputError", "SamplingInterval"),
        ({"EndTimestamp": "tomorrow"}, "InvalidInputError", "EndTimestamp"),
        ({"EndTimestamp": later(1), "Colour": "red"}, "InvalidInputError", "Colour"),
    ],
)
def test_invalid_requests_fail_with_an_error_and_a_cause(
    stack: Stack, parameters: dict[str, Any], error: str, cause: str
) -> None:
    execution = run(stack, f"wrong-{abs(hash(str(parameters)))}", **parameters)

    assert execution["status"] == "FAILED"
    assert execution["error"] == error
    assert cause in execution["cause"]
    assert "{" not in execution["cause"]


def test_a_workflow_of_the_users_starts_ours_and_notifies(stack: Stack, recorded: None) -> None:
    """examples/step-functions. Half a second later than the moments that other tests analyze."""
    outputs = deploy_example(stack.cloud, "step-functions", AnalyzeRangeArn=stack.outputs["AnalyzeRangeArn"])
    sqs, states = stack.cloud.client("sqs"), stack.cloud.client("stepfunctions")
    queue = sqs.create_queue(QueueName="matches")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:matches"
    stack.cloud.client("sns").subscribe(TopicArn=outputs["TopicArn"], Protocol="sqs", Endpoint=arn)
    request = {"StreamName": STREAM, "StartTimestamp": later(12.5), "EndTimestamp": later(18.5)}

    started = states.start_execution(
        stateMachineArn=outputs["CheckMomentArn"], name="door-opened", input=json.dumps(request)
    )["executionArn"]
    ended = eventually(lambda: states.describe_execution(executionArn=started), lambda one: one["status"] != "RUNNING")

    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    summary = json.loads(ended["output"])["analysis"]["Output"]
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    notified = json.loads(json.loads(message["Body"])["Message"])
    assert (summary["execution"], summary["requested"]) == ("door-opened", 7)
    assert notified == {
        "streamName": STREAM,
        "matched": summary["matched"],
        "detections": summary["detections"],
    }
    assert notified["detections"]["Face"] > 0


def test_the_command_follows_and_prints_the_summary(stack: Stack, recorded: None) -> None:
    command = [sys.executable, "-m", "kinesight_cli.main", "analyze", STREAM, "--interval-ms", "2000"]
    command += ["--from", f"{START:%Y-%m-%dT%H:%M:%SZ}", "--to", f"{START + timedelta(seconds=20):%Y-%m-%dT%H:%M:%S}"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 0, ended.stderr
    assert "failed windows" in ended.stdout
    assert "requested" in ended.stdout


def test_the_command_makes_a_time_lapse(stack: Stack, recorded: None, tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    command = [sys.executable, "-m", "kinesight_cli.main", "timelapse", STREAM, "--every", "2s", "--size", "320x180"]
    command += ["--from", f"{START:%Y-%m-%dT%H:%M:%SZ}", "--to", f"{START + timedelta(seconds=120):%Y-%m-%dT%H:%M:%S}"]

    ended = subprocess.run(
        [*command, "--fps", "5", "--out", str(video)], capture_output=True, text=True, timeout=120, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert f"Video: {video}" in ended.stdout
    with av.open(str(video), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, float(stream.average_rate or 0)) == (320, 180, 5.0)
        assert sum(1 for _ in container.decode(stream)) == 61
    assert video.with_suffix(".jpg").read_bytes().startswith(b"\xff\xd8")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(
    ("option", "complaint"), [("--every=fast", "is not a duration"), ("--size=321x180", "an even width")]
)
def test_the_command_explains_the_form_of_an_option(option: str, complaint: str) -> None:
    command = [sys.executable, "-m", "kinesight_cli.main", "timelapse", STREAM, option]
    command += ["--from", "2026-01-01T00:00", "--to", "2026-01-01T01:00"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2
    assert complaint in ended.stderr


def test_the_command_explains_errors(stack: Stack) -> None:
    command = [sys.executable, "-m", "kinesight_cli.main", "analyze", "no-such-stream", "--from", "2026-01-01T00:00"]

    ended = subprocess.run(
        [*command, "--to", "2026-01-01T01:00+00:00"], capture_output=True, text=True, timeout=120, check=False
    )

    assert ended.returncode == 1
    assert "StreamGoneError: describe no-such-stream" in ended.stderr
    assert "Traceback" not in ended.stderr
