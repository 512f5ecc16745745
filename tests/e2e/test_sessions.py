"""Sessions on the deployed stack: a configuration document, one alert per session, events, and what silence ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.sessions.clip import ClipOrder, SessionClip
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight_cli.main import app
from kinesight_cli.shared.play_video import Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_cli.verify.deployment import deployment
from kinesight_cli.verify.outcome import Status
from kinesight_cli.verify.runner import Pacing
from kinesight_cli.verify.temporary import make_queue, subscribe
from kinesight_cli.verify.temporary_stream import MARK
from kinesight_cli.verify.verification import verify
from kinesight_local.cloud import REGION, LocalCloud
from moto.iotdata.models import iotdata_backends
from typer.testing import CliRunner

from tests.e2e.conftest import ROOT
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.functional.kvs_producer import everything
from tests.sample_video import write_sample_video

STREAM = "front-door"
TOPIC = f"kinesight/kinesight/home/cameras/{STREAM}"
"""The second level is the stack's name."""
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
RULES = {
    "schemaVersion": 1,
    "channels": {"iotTopic": "home/cameras"},
    "cameras": [
        {
            "streams": ["front-*"],
            "zones": [{"name": "everywhere", "polygon": WHOLE}],
            "rules": [
                {"name": "a face", "labels": ["Face"], "minimumConfidence": 70, "zones": ["everywhere"]},
                {"name": "a cat", "labels": ["Cat"], "minimumConfidence": 70, "class": "ACTIVITY"},
            ],
            "sessions": {
                "quietSeconds": 5,
                "orderingSeconds": 1,
                "preRollSeconds": 2,
                "postRollSeconds": 3,
                "clipSettleSeconds": 0,
            },
            "stationary": {"enabled": False},
        }
    ],
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {
        "StreamNames": "front-*",
        "SamplingInterval": "500",
        "Labels": "Nothing",
        "ViewerUserEmail": "viewer@example.com",
    }
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters, configuration=RULES) as cloud:
        cloud.ensure_stream(STREAM)
        cloud.deploy()
        yield cloud


@pytest.fixture(scope="module")
def events(cloud: LocalCloud) -> str:
    """The URL of a queue that receives session events."""
    sqs, bus = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName="session-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus.put_rule(Name="sessions", EventPattern=json.dumps({"source": ["kinesight"]}))
    bus.put_targets(Rule="sessions", Targets=[{"Id": "queue", "Arn": arn}])
    return str(queue)


def items(cloud: LocalCloud) -> list[dict[str, Any]]:
    response = cloud.client("dynamodb").query(
        TableName=cloud.outputs["SessionsTableName"],
        KeyConditionExpression="#stream = :stream",
        ExpressionAttributeNames={"#stream": "stream"},
        ExpressionAttributeValues={":stream": {"S": STREAM}},
    )
    found: list[dict[str, Any]] = response["Items"]
    return found


def stored(cloud: LocalCloud) -> list[dict[str, Any]]:
    return [json.loads(item["document"]["S"]) for item in items(cloud)]


def videos(cloud: LocalCloud) -> list[tuple[dict[str, Any], SessionClip]]:
    """(document, video) of every session whose video is complete."""
    found = [
        (json.loads(item["document"]["S"]), SessionClip.model_validate_json(item["video"]["S"]))
        for item in items(cloud)
        if "video" in item
    ]
    return [(document, video) for document, video in found if video.complete]


def recorded(cloud: LocalCloud) -> dict[str, tuple[int, int]]:
    """When every fragment of the stream begins by the camera's clock, and when it ends; epoch milliseconds."""
    control = cloud.client("kinesisvideo")
    endpoint = control.get_data_endpoint(StreamName=STREAM, APIName="LIST_FRAGMENTS")["DataEndpoint"]
    archived: Any = boto3.client("kinesis-video-archived-media", region_name=REGION, endpoint_url=endpoint)
    found = {}
    for page in archived.get_paginator("list_fragments").paginate(StreamName=STREAM, FragmentSelector=everything()):
        for one in page["Fragments"]:
            begin_ms = round(one["ProducerTimestamp"].timestamp() * 1000)
            found[one["FragmentNumber"]] = (begin_ms, begin_ms + one["FragmentLengthInMilliseconds"])
    return found


def pass_time(cloud: LocalCloud) -> Any:
    assert cloud.stack is not None
    name = cloud.stack.function_name("TrackSessionsFunction")
    event = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"})
    return json.loads(cloud.client("lambda").invoke(FunctionName=name, Payload=event)["Payload"].read())


def test_a_video_becomes_sessions_with_an_alert_each(cloud: LocalCloud, events: str, tmp_path: Path) -> None:
    stack = Stack(cloud)
    video = tmp_path / "demo.mp4"
    write_sample_video(video)

    play(STREAM, read_video(video), Tagging(image=True), lambda _: None)
    counters = cloud.kvs.service.delivery.counters
    eventually(lambda: counters(STREAM)["pending"], lambda pending: pending == 0)
    generated = counters(STREAM)["images_generated"]
    records = eventually(stack.results, lambda seen: len(seen) >= generated)
    faces = [record for record in records if "a face" in record.matched_rules]
    eventually(lambda: stored(cloud), lambda seen: bool(seen))
    time.sleep(6)
    pass_time(cloud)
    sessions = eventually(lambda: stored(cloud), lambda seen: all(one["closed"] for one in seen))

    assert faces
    assert {zone for record in faces for one in record.detections for zone in one.zones} == {"everywhere"}
    assert sum(one["images"] for one in sessions) == sum(record.matched for record in records)
    loud = {one["sessionId"] for one in sessions if one["class"] == "ALERT"}
    assert sorted(alert["sessionId"] for alert in stack.all_alerts()) == sorted(loud)
    assert loud
    events_sent = [json.loads(message["Body"]) for message in stack.drained(events)]
    assert {(one["detail-type"], one["detail"]["sessionId"]) for one in events_sent} >= {
        (f"Session {kind}", one["sessionId"]) for one in sessions for kind in ("NEW", "END")
    }


def test_devices_receive_the_same_sessions(cloud: LocalCloud) -> None:
    backends = iotdata_backends["123456789012"]
    published = [message for backend in backends.values() for message in backend.published_payloads]

    events_sent = [json.loads(payload) for topic, payload in published if topic == TOPIC]

    sessions = stored(cloud)
    assert len(events_sent) == len(published)
    assert {(one["event"], one["sessionId"]) for one in events_sent} >= {
        (kind, one["sessionId"]) for one in sessions for kind in ("NEW", "END")
    }
    alerted = [one["sessionId"] for one in events_sent if one["event"] == "ALERT"]
    assert sorted(alerted) == sorted(one["sessionId"] for one in sessions if one["class"] == "ALERT")


def test_the_alert_opens_the_evidence_of_its_best_image(cloud: LocalCloud) -> None:
    assert cloud.stack is not None
    expected = {one["keys"]["image"] for one in stored(cloud)}

    stack_objects = eventually(lambda: _evidence(cloud), lambda seen: expected <= seen)

    assert expected
    assert {one["keys"]["record"] for one in stored(cloud)} <= stack_objects


def _evidence(cloud: LocalCloud) -> set[str]:
    pages = cloud.client("s3").get_paginator("list_objects_v2")
    bucket = cloud.outputs["EvidenceBucketName"]
    return {one["Key"] for page in pages.paginate(Bucket=bucket) for one in page.get("Contents", [])}


def test_the_archive_has_every_fragment_of_a_session_with_its_roll(cloud: LocalCloud) -> None:
    sessions = eventually(lambda: videos(cloud), lambda seen: len(seen) == len(stored(cloud)))

    for document, video in sessions:
        start, end = datetime.fromisoformat(document["startedAt"]), datetime.fromisoformat(document["lastSeenAt"])
        assert (video.started_at, video.ended_at) == (start - timedelta(seconds=2), end + timedelta(seconds=3))
        expected = {
            number: begin_ms
            for number, (begin_ms, end_ms) in recorded(cloud).items()
            if begin_ms <= to_epoch_ms(video.ended_at) and end_ms > to_epoch_ms(video.started_at)
        }
        listed = [one.number for one in video.fragments]
        assert len(listed) > len(document["fragments"])
        assert listed == sorted(expected, key=lambda number: expected[number])
        assert set(document["fragments"]) <= set(listed)
        assert [one.reason for one in video.missing if one.fragments] == []
        for one in video.fragments:
            key = f"archive/stream={STREAM}/date={one.date}/{one.number}.mkv"
            body = cloud.client("s3").get_object(Bucket=cloud.outputs["EvidenceBucketName"], Key=key)["Body"].read()
            (fragment,) = read_fragments([body])
            assert isinstance(fragment, MediaFragment)
            assert fragment.number == one.number
    assert Stack(cloud).drained(cloud.outputs["SessionClipsDeadLetterQueueUrl"]) == []


def test_a_redelivered_order_changes_nothing(cloud: LocalCloud) -> None:
    assert cloud.stack is not None
    before, kept = videos(cloud), _evidence(cloud)
    document, video = before[0]
    order = ClipOrder(
        video_of=document["sessionId"],
        stream_name=STREAM,
        opened_ms=int(items(cloud)[0]["id"]["S"].partition("#")[0]),
        images=document["images"],
        selector=video.selector,
        start_ms=to_epoch_ms(video.started_at),
        end_ms=to_epoch_ms(video.ended_at),
    )
    event = {"Records": [{"messageId": "again", "body": order.model_dump_json(by_alias=True)}]}

    name = cloud.stack.function_name("ArchiveSessionFunction")
    response = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))

    assert json.loads(response["Payload"].read()) == {"batchItemFailures": []}
    assert (videos(cloud), _evidence(cloud)) == (before, kept)


def test_a_replay_with_other_rules_reports_the_changes(cloud: LocalCloud, tmp_path: Path) -> None:
    rule = {"name": "none", "labels": ["NoSuchLabel"]}
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"schemaVersion": 1, "cameras": [{"streams": ["*"], "rules": [rule]}]}))
    now = datetime.now(UTC)
    command = [sys.executable, "-m", "kinesight_cli.main", "replay", "--config", str(other)]
    command += ["--from", (now - timedelta(hours=1)).isoformat(), "--to", (now + timedelta(hours=1)).isoformat()]

    same = tmp_path / "same.json"
    same.write_text(json.dumps(RULES))
    said = _run([*command, "--stack", _stack_name(cloud)], cloud)
    unchanged = _run([*command[:-5], str(same), *command[-4:], "--stack", _stack_name(cloud)], cloud)

    sessions = len(stored(cloud))
    assert f"{sessions} → 0" in said
    assert said.count("Lost: ") == sessions
    assert f"{sessions} → {sessions}" in unchanged
    assert "Lost: " not in unchanged


def _stack_name(cloud: LocalCloud) -> str:
    assert cloud.stack is not None
    return cloud.stack.name


def _run(command: list[str], cloud: LocalCloud) -> str:
    environment = os.environ | cloud.endpoints
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_silence_changes_nothing(cloud: LocalCloud) -> None:
    before = stored(cloud)

    assert pass_time(cloud) == {"batchItemFailures": []}

    assert stored(cloud) == before


# -- kinesight verify ----------------------------------------------------------------------------------------------


def made(cloud: LocalCloud) -> dict[str, set[str]]:
    """Everything in the account that a verification may add, with old versions of objects."""
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    assert cloud.stack is not None
    coordination = cloud.stack.physical_id("CoordinationTable")
    versions = [
        one
        for bucket in (cloud.outputs["ImagesBucketName"], cloud.outputs["EvidenceBucketName"])
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]
    subscriptions = cloud.client("sns").list_subscriptions()["Subscriptions"]
    return {
        "streams": {one["StreamName"] for one in cloud.client("kinesisvideo").list_streams()["StreamInfoList"]},
        "queues": set(cloud.client("sqs").list_queues()["QueueUrls"]),
        "subscriptions": {one["SubscriptionArn"] for one in subscriptions},
        "objects": {one["Key"] for one in versions},
        "sessions": {
            one["stream"]["S"] for one in dynamodb.scan(TableName=cloud.outputs["SessionsTableName"])["Items"]
        },
        "state": {one["sk"]["S"] for one in dynamodb.scan(TableName=coordination)["Items"]} - {"lock"},
    }


def added(cloud: LocalCloud, before: dict[str, set[str]]) -> dict[str, set[str]]:
    return {what: more for what, now in made(cloud).items() if (more := now - before[what])}


def test_verify_passes_and_leaves_nothing(cloud: LocalCloud, tmp_path: Path) -> None:
    video = tmp_path / "demo.mp4"
    write_sample_video(video)
    before = made(cloud)

    result = CliRunner().invoke(app, ["verify", "--yes", "--json", "--video", str(video)])

    report = json.loads(result.stdout)
    assert result.exit_code == 0, report
    assert report["stream"].startswith("front-kinesight-verify-")
    assert [one["step"] for one in report["steps"]] == [
        "subscription",
        "stream",
        "settings",
        "video",
        "image",
        "result",
        "match",
        "evidence",
        "session",
        "alert",
        "on-demand",
        "session end",
        "clip",
        "viewer",
    ]
    assert "temporary stream front-kinesight-verify-" in result.stderr
    assert added(cloud, before) == {}


def test_an_interrupted_verification_leaves_nothing(cloud: LocalCloud, tmp_path: Path) -> None:
    video = tmp_path / "demo.mp4"
    write_sample_video(video)
    before = made(cloud)

    def interrupt(outcome: Any) -> None:
        if outcome.step == "image":
            signal.raise_signal(signal.SIGTERM)

    report = verify(deployment(_stack_name(cloud), None), read_video(video), interrupt)

    assert report.interrupted
    assert (report.outcomes[-1].step, report.left) == ("image", ())
    assert added(cloud, before) == {}


def test_verify_names_the_broken_step(cloud: LocalCloud, tmp_path: Path) -> None:
    """More deployments are broken in test_verify.py."""
    video = tmp_path / "demo.mp4"
    write_sample_video(video)
    client = cloud.client("lambda")
    mappings = client.list_event_source_mappings()["EventSourceMappings"]
    (uuid,) = (one["UUID"] for one in mappings if one["FunctionArn"].endswith("AnalyzeImagesFunction"))

    def stop(outcome: Any) -> None:
        if outcome.status is Status.FAILED:
            raise KeyboardInterrupt

    client.update_event_source_mapping(UUID=uuid, Enabled=False)
    try:
        pacing = Pacing(poll_s=0.5, limits=0.05)
        report = verify(deployment(_stack_name(cloud), None), read_video(video), stop, pacing=pacing)
    finally:
        client.update_event_source_mapping(UUID=uuid, Enabled=True)

    failed = report.first_failed
    assert failed is not None
    assert (failed.step, failed.cause) == ("result", "mapping-disabled")
    assert "update-event-source-mapping" in failed.next_step


def test_what_a_killed_run_has_left_is_removed(cloud: LocalCloud) -> None:
    before = made(cloud)
    killed = deployment(_stack_name(cloud), None)
    subscribe(killed, make_queue(killed).arn)
    tags = {MARK: killed.stack}
    cloud.client("kinesisvideo").create_stream(StreamName=killed.stream.name, DataRetentionInHours=1, Tags=tags)
    assert added(cloud, before)

    result = CliRunner().invoke(app, ["verify", "--remove", "--yes"])

    assert result.exit_code == 0, result.output
    assert added(cloud, before) == {}
    assert "has left anything" in CliRunner().invoke(app, ["verify", "--remove"]).stdout


def test_without_a_yes_nothing_is_made(cloud: LocalCloud) -> None:
    before = made(cloud)

    result = CliRunner().invoke(app, ["verify"], input="n\n")

    assert result.exit_code == 1
    assert "about $" in result.stderr
    assert added(cloud, before) == {}
