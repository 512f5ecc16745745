"""The on-demand workflow at length: long ranges, faults, a stop in the middle, notifications, sweeps, every path."""

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import av
import pytest
import yaml
from kinesight.domain.model import to_epoch_ms
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.faults import Fail, Faults, NoMedia, Throttle
from moto.events.models import EventsBackend
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField

from tests.e2e.conftest import ROOT
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.functional.kvs_producer import put_clip
from tests.media import NOTIFICATION, a_clip, event_tags
from tests.statemachines.test_asl_rules import graphs, successors

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
START_MS = to_epoch_ms(START)
QUICK = {"Detector": "REKOGNITION_FACES"}
"""The local cloud's quickest detector."""
FPS = 2
NOWHERE = "arn:aws:lambda:us-east-1:123456789012:function:nowhere"
SCHEDULED = json.loads((ROOT / "events/sweep_streams/schedule.json").read_text())


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud) -> Stack:
    return Stack(cloud)


@dataclass(frozen=True, slots=True)
class Recording:
    """A stream whose video begins at START. Pieces are (start, length) in seconds, with gaps between them."""

    stream: str
    seconds: int
    pieces: tuple[tuple[float, int], ...]


THREE_MINUTES = Recording("camera-1", 180, ((0, 60), (82, 66), (157.3, 22)))
AN_HOUR = Recording("camera-1h", 3600, ((0, 1200), (1237, 1500), (2740.3, 859)))


@pytest.fixture(scope="module")
def recorded(cloud: LocalCloud) -> None:
    record(cloud, THREE_MINUTES)


def record(cloud: LocalCloud, recording: Recording) -> None:
    """Fragments of half a second to eight seconds."""
    cloud.ensure_stream(recording.stream)
    chance = random.Random(7)
    for start_s, seconds in recording.pieces:
        keyframes = [0]
        while keyframes[-1] < seconds * FPS:
            keyframes.append(keyframes[-1] + chance.randint(1, 8 * FPS))
        clip = a_clip(seconds, fps=FPS, width=128, height=96, keyframes=keyframes)
        put_clip(cloud.kvs, clip, start_ms=START_MS + round(1000 * start_s), stream=recording.stream)


def fragments(stack: Stack, stream: str, clock: str = "PRODUCER_TIMESTAMP") -> list[tuple[int, int]]:
    """(start, length) in milliseconds, from ListFragments."""
    archived = stack.cloud.client("kinesis-video-archived-media")
    selector = {
        "FragmentSelectorType": clock,
        "TimestampRange": {"StartTimestamp": START - timedelta(hours=1), "EndTimestamp": START + timedelta(hours=9)},
    }
    pages = archived.get_paginator("list_fragments").paginate(StreamName=stream, FragmentSelector=selector)
    field = "ProducerTimestamp" if clock == "PRODUCER_TIMESTAMP" else "ServerTimestamp"
    return sorted(
        (to_epoch_ms(one[field]), one["FragmentLengthInMilliseconds"]) for page in pages for one in page["Fragments"]
    )


def shown(
    stack: Stack, first_s: float, last_s: float, interval_ms: int, stream: str = THREE_MINUTES.stream
) -> list[int]:
    """The moments of a grid that a fragment shows, found by testing each."""
    spans = fragments(stack, stream)
    first_ms, last_ms = START_MS + round(1000 * first_s), START_MS + round(1000 * last_s)
    return [
        at_ms
        for at_ms in range(first_ms, last_ms + 1, interval_ms)
        if any(start_ms <= at_ms < start_ms + max(1, length_ms) for start_ms, length_ms in spans)
    ]


def begin(stack: Stack, name: str, machine: str = "", **expected: Any) -> str:
    document = {"StreamName": THREE_MINUTES.stream, "StartTimestamp": START.isoformat()} | QUICK | expected
    response = stack.cloud.client("stepfunctions").start_execution(
        stateMachineArn=machine or stack.outputs["AnalyzeRangeArn"], name=name, input=json.dumps(document)
    )
    return str(response["executionArn"])


def end(stack: Stack, arn: str, seconds: float = 240) -> dict[str, Any]:
    client = stack.cloud.client("stepfunctions")
    return eventually(
        lambda: dict(client.describe_execution(executionArn=arn)), lambda one: one["status"] != "RUNNING", seconds
    )


def run(stack: Stack, name: str, machine: str = "", **expected: Any) -> dict[str, Any]:
    return end(stack, begin(stack, name, machine, **expected))


def summary_of(execution: dict[str, Any]) -> dict[str, Any]:
    assert execution["status"] == "SUCCEEDED", (execution.get("error"), execution.get("cause"))
    summary: dict[str, Any] = json.loads(execution["output"])
    return summary


def function_name(stack: Stack, logical_id: str) -> str:
    assert stack.cloud.stack is not None
    return stack.cloud.stack.function_name(logical_id)


def later(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def seen(stack: Stack, stream: str = THREE_MINUTES.stream) -> Counter[int]:
    """How often each moment was analyzed."""
    frames = [record.frame for record in stack.results()]
    return Counter(to_epoch_ms(frame.image_timestamp) for frame in frames if frame.stream_name == stream)


def everything_is_analyzed_once(stack: Stack, recording: Recording) -> None:
    summary = summary_of(
        run(
            stack,
            f"all-{recording.seconds}",
            StreamName=recording.stream,
            EndTimestamp=later(recording.seconds),
            SamplingInterval=1000,
        )
    )

    expected = shown(stack, 0, recording.seconds, 1000, recording.stream)
    assert len(expected) > 0.8 * recording.seconds
    assert seen(stack, recording.stream) == Counter(expected)
    assert summary["requested"] == summary["extracted"] == summary["published"] == len(expected)


def a_time_lapse_shows_every_second(stack: Stack, recording: Recording, steps: set[tuple[str, str]]) -> None:
    """Its function has a second per invocation here, so it takes several."""
    stack.cloud.client("lambda").update_function_configuration(
        FunctionName=function_name(stack, "RenderTimelapseFunction"), Timeout=121
    )
    name = f"lapse-{recording.seconds}"
    execution = run(
        stack,
        name,
        StreamName=recording.stream,
        EndTimestamp=later(recording.seconds),
        SamplingInterval=1000,
        Detector="NONE",
        Timelapse={"FramesPerSecond": 60, "BurnTimestamp": True},
    )

    summary = summary_of(execution)
    assert ("IsRendered", "RenderTimelapse") in steps
    assert summary["published"] == 0
    assert summary["timelapse"]["video"].endswith(f"timelapse/{name}.mp4")
    body = stack.body(f"timelapse/{name}.mp4")
    assert body.index(b"moov") < body.index(b"mdat")
    with av.open(BytesIO(body), "r") as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        assert sum(1 for _ in container.decode(video)) == recording.seconds + 1
    assert stack.body(f"timelapse/{name}.jpg").startswith(b"\xff\xd8")


@pytest.mark.usefixtures("recorded")
class TestThreeMinutes:
    def test_every_sampled_image_is_analyzed_once(self, stack: Stack) -> None:
        everything_is_analyzed_once(stack, THREE_MINUTES)

    def test_a_second_time_adds_nothing(self, stack: Stack) -> None:
        """Without names, as docs/workflow.md starts them."""
        before = seen(stack)
        document = {"StreamName": THREE_MINUTES.stream, "StartTimestamp": START.isoformat()} | QUICK
        request = json.dumps(document | {"EndTimestamp": later(60), "SamplingInterval": 1000})
        client, machine_arn = stack.cloud.client("stepfunctions"), stack.outputs["AnalyzeRangeArn"]

        started = [client.start_execution(stateMachineArn=machine_arn, input=request) for _ in range(2)]
        summaries = [summary_of(end(stack, one["executionArn"])) for one in started]

        assert seen(stack) == before
        assert [one["published"] for one in summaries] == [0, 0]

    def test_stopped_in_the_middle_and_redriven_adds_no_duplicate(self, stack: Stack) -> None:
        """moto has no RedriveExecution; to its functions it is an execution of the same name that starts again."""
        before = seen(stack)
        expected = Counter(shown(stack, 0.33, 60, 200))  # more than a window of 250 images
        request: dict[str, Any] = {"StartTimestamp": later(0.33), "EndTimestamp": later(60), "SamplingInterval": 200}
        arn = begin(stack, "stopped", machine(stack, "one-by-one", one_window_at_a_time), **request)
        eventually(lambda: len(stack.raw_results()), lambda count: count > sum(before.values()) + 20)
        stack.cloud.client("stepfunctions").stop_execution(executionArn=arn)
        assert end(stack, arn)["status"] == "ABORTED"
        cut_off = seen(stack) - before

        summary_of(run(stack, "stopped", machine(stack, "redriven", lambda _: None), **request))

        assert 0 < sum(cut_off.values()) < sum(expected.values())
        assert seen(stack) - before == expected

    @pytest.mark.long
    def test_under_faults_the_results_are_those_without(self, stack: Stack) -> None:
        before = seen(stack)
        stack.cloud.kvs.service.faults.set(
            Faults(
                faults=(
                    Throttle(operation="GetImages", probability=0.2),
                    Fail(operation="GetImages", probability=0.05),
                    NoMedia(operation="GetImages", probability=0.5),
                )
            )
        )
        try:
            execution = run(stack, "faults", StartTimestamp=later(0.25), EndTimestamp=later(180), SamplingInterval=1000)
        finally:
            stack.cloud.kvs.service.faults.clear()

        summary, expected = summary_of(execution), shown(stack, 0.25, 180, 1000)
        assert seen(stack) - before == Counter(expected)
        assert summary["extracted"] == len(expected)
        assert 0.3 < summary["decoded"] / len(expected) < 0.7
        assert summary["missing"] == {}

    def test_a_time_lapse(self, stack: Stack, steps: set[tuple[str, str]]) -> None:
        a_time_lapse_shows_every_second(stack, THREE_MINUTES, steps)


def machine(stack: Stack, name: str, change: Callable[[dict[str, Any]], None]) -> str:
    """The deployed definition under another name, changed; its functions are the real ones."""
    client = stack.cloud.client("stepfunctions")
    known = client.describe_state_machine(stateMachineArn=stack.outputs["AnalyzeRangeArn"])
    definition = json.loads(known["definition"])
    change(definition)
    response = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=known["roleArn"])
    return str(response["stateMachineArn"])


def without(*states: str) -> Callable[[dict[str, Any]], None]:
    """A definition in which these states' functions do not exist."""

    def change(definition: dict[str, Any]) -> None:
        for graph in graphs(definition):
            for state in states:
                if state in graph["States"]:
                    graph["States"][state]["Parameters"]["FunctionName"] = NOWHERE

    return change


def one_window_at_a_time(definition: dict[str, Any]) -> None:
    analyze = definition["States"]["AnalyzeWindows"]
    del analyze["MaxConcurrencyPath"]
    analyze["MaxConcurrency"] = 1


def with_bad_bucket(definition: dict[str, Any]) -> None:
    definition["States"]["AnalyzeWindows"]["ItemReader"]["Parameters"] = {"Bucket": "no-such-bucket", "Key": "none"}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """(state, next state) of everything that moto's interpreter runs, children included."""
    taken: set[tuple[str, str]] = set()
    whole = CommonStateField._eval_body

    def noted(self: CommonStateField, env: Any) -> None:
        try:
            whole(self, env)
        finally:
            if env.next_state_name != self.name:
                taken.add((self.name, env.next_state_name))

    monkeypatch.setattr(CommonStateField, "_eval_body", noted)
    return taken


@pytest.fixture
def deaf_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    """EventBridge refuses every event."""

    def refuse(*_: Any, **__: Any) -> None:
        raise KeyError("no events today")

    monkeypatch.setattr(EventsBackend, "put_events", refuse)


def test_every_path_is_taken(stack: Stack, recorded: None, steps: set[tuple[str, str]]) -> None:
    """All but those of a deaf EventBridge, which come below."""
    short: dict[str, Any] = {"EndTimestamp": later(20), "SamplingInterval": 800}
    ends = [
        run(stack, "path-empty", StartTimestamp=later(-60), EndTimestamp=later(-30), AllowEmpty=True),
        run(stack, "path-timelapse", **short, Detector="NONE", Timelapse={}),
        run(stack, "path-detect", **short),
        run(stack, "path-wrong", EndTimestamp=later(-60)),
        run(stack, "path-no-plan", machine(stack, "no-plan", without("PlanWindows")), **short),
        run(stack, "path-no-extract", machine(stack, "no-extract", without("ExtractImages")), **short),
        run(stack, "path-no-detect", machine(stack, "no-detect", without("DetectObjects")), **short),
        run(stack, "path-no-render", machine(stack, "no-render", without("RenderTimelapse")), **short, Timelapse={}),
        run(stack, "path-no-reader", machine(stack, "no-reader", with_bad_bucket), **short),
    ]

    assert [(one["status"], one.get("error")) for one in ends] == [
        ("SUCCEEDED", None),
        ("SUCCEEDED", None),
        ("SUCCEEDED", None),
        ("FAILED", "InvertedRangeError"),
        ("FAILED", "Lambda.ResourceNotFoundException"),
        ("FAILED", "TooManyFailuresError"),
        ("FAILED", "TooManyFailuresError"),
        ("FAILED", "Lambda.ResourceNotFoundException"),
        ("FAILED", "WorkflowFailedError"),
    ]
    assert "swap them" in ends[3]["cause"]
    definition = yaml.safe_load((ROOT / "statemachines/analyze_range.asl.yaml").read_text())
    every = {
        (name, following)
        for graph in graphs(definition)
        for name, state in graph["States"].items()
        for following in successors(state)
    }
    # the loop is seen above, in the time-lapse; an event that cannot be sent, below
    assert every - steps <= {("IsRendered", "RenderTimelapse"), ("SendSuccess", "Analyzed")}


@pytest.mark.usefixtures("deaf_bus", "recorded")
def test_executions_end_the_same_if_notifying_fails(stack: Stack, steps: set[tuple[str, str]]) -> None:
    done = run(stack, "deaf", EndTimestamp=later(20), SamplingInterval=800)
    wrong = run(stack, "deaf-wrong", EndTimestamp=later(-60))

    assert (done["status"], wrong["error"]) == ("SUCCEEDED", "InvertedRangeError")
    assert {("SendSuccess", "Analyzed"), ("SendFailure", "CheckError")} <= steps


def test_many_notifications_of_three_cameras_are_an_execution_each(stack: Stack) -> None:
    clip = a_clip(9, fps=FPS, width=128, height=96)
    cameras = ["camera-2", "camera-3", "camera-4"]
    for camera in cameras:
        put_clip(stack.cloud.kvs, clip, event_tags(NOTIFICATION), START_MS, camera)
    client = stack.cloud.client("stepfunctions")

    def notified() -> list[dict[str, Any]]:
        known = client.list_executions(stateMachineArn=stack.outputs["AnalyzeRangeArn"])["executions"]
        return [one for one in known if one["name"].startswith("notified-")]

    eventually(notified, lambda found: len(found) >= 3)
    eventually(notified, lambda found: all(one["status"] == "SUCCEEDED" for one in found))
    time.sleep(4)

    assert sum(len(fragments(stack, camera)) for camera in cameras) == 27
    assert len(notified()) == 3
    for camera in cameras:
        moments = seen(stack, camera)
        assert all(any(start <= at < start + length for at in moments) for start, length in fragments(stack, camera))
        assert set(moments.values()) == {1}
    assert stack.new_dead_letters("NotificationsDeadLetterQueueUrl") == []


def test_sweeps_touch_and_cover_what_was_recorded(stack: Stack) -> None:
    """By the server's clock, on which everything was recorded just now."""
    camera, clip = "camera-5", a_clip(3, fps=FPS, width=128, height=96)
    function = function_name(stack, "SweepStreamsFunction")
    client, runner = stack.cloud.client("stepfunctions"), stack.cloud.client("lambda")

    def sweep() -> dict[str, Any]:
        response = runner.invoke(FunctionName=function, Payload=json.dumps(SCHEDULED))
        execution: dict[str, Any] = json.loads(response["Payload"].read())
        return execution

    def sweeps() -> list[dict[str, Any]]:
        known = client.list_executions(stateMachineArn=stack.outputs["AnalyzeRangeArn"])["executions"]
        return [one for one in known if one["name"].startswith(f"sweep-{camera}-")]

    assert sweep()["up_to_date"] >= 1
    for count in (1, 2):
        time.sleep(2)
        put_clip(stack.cloud.kvs, clip, start_ms=START_MS + count * 60_000, stream=camera)
        time.sleep(2)
        sweep()
        ended = ["SUCCEEDED"] * count
        eventually(lambda: [one["status"] for one in sweeps()], ended.__eq__)
    sweep()

    names = sorted(one["name"] for one in sweeps())
    ranges = [[int(part) for part in name.split("-")[-2:]] for name in names]
    assert all(first[1] + 1 == second[0] for first, second in itertools.pairwise(ranges))
    spans = fragments(stack, camera, "SERVER_TIMESTAMP")
    assert all(ranges[0][0] <= start and start + length <= ranges[-1][1] for start, length in spans)
    assert set(seen(stack, camera).values()) == {1}


@pytest.mark.long
class TestAnHour:
    def test_every_sampled_image_is_analyzed_once(self, stack: Stack) -> None:
        record(stack.cloud, AN_HOUR)

        everything_is_analyzed_once(stack, AN_HOUR)

    def test_a_time_lapse(self, stack: Stack, steps: set[tuple[str, str]]) -> None:
        a_time_lapse_shows_every_second(stack, AN_HOUR, steps)
