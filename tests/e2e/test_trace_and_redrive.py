"""Tracing a frame by any of its ids, and redriving dead letters once their cause is fixed."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import ResultRecord
from kinesight_cli.main import app
from kinesight_cli.shared.play_video import Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud
from typer.testing import CliRunner

from tests.e2e.conftest import ROOT
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.sample_video import write_sample_video

STREAM = "front-door"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {
        "StreamNames": "front-*",
        "SamplingInterval": "1000",
        "Detector": "REKOGNITION_FACES",
        "Labels": "Face",
    }
    document = {"schemaVersion": 1, "defaults": {"minimumConfidence": 70, "sessions": {"clip": False}}}
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters, configuration=document) as cloud:
        cloud.ensure_stream(STREAM)
        cloud.ensure_stream("front-garden")
        cloud.deploy()
        yield cloud


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud) -> Stack:
    return Stack(cloud)


@pytest.fixture(scope="module")
def played(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[ResultRecord]:
    """The demo's video; all of its images analyzed, the evidence kept."""
    video = tmp_path_factory.mktemp("video") / "demo.mp4"
    write_sample_video(video)
    play(STREAM, read_video(video), Tagging(image=True), lambda _: None)
    counters = stack.cloud.kvs.service.delivery.counters
    eventually(lambda: counters(STREAM)["pending"], lambda pending: pending == 0)
    generated = counters(STREAM)["images_generated"]
    records = eventually(stack.results, lambda seen: len(seen) >= generated, seconds=180)
    expected = {evidence_keys(record).annotated for record in records if record.matched}
    eventually(lambda: expected - set(stack.objects("EvidenceBucketName")), lambda missing: not missing, seconds=180)
    return records


def output(*arguments: str, status: int = 0) -> dict[str, Any]:
    """Returns the JSON of a command."""
    response = CliRunner().invoke(app, [*arguments, "--json"])
    assert response.exit_code == status, response.output
    document: dict[str, Any] = json.loads(response.stdout)
    return document


def traced(*arguments: str) -> dict[str, Any]:
    """The only frame of a trace."""
    (frame,) = output("trace", *arguments)["frames"]
    found: dict[str, Any] = frame
    return found


def traced_until(identity: str, *steps: str) -> dict[str, Any]:
    """Waits until the frame has these steps: functions end and their log lines arrive within seconds."""

    def frames() -> list[dict[str, Any]]:
        response = CliRunner().invoke(app, ["trace", identity, "--json"])
        return json.loads(response.stdout)["frames"] if response.exit_code == 0 else []

    (frame,) = eventually(frames, lambda found: any(set(steps) <= whats(one) for one in found))
    return frame


def whats(frame: dict[str, Any]) -> set[str]:
    return {step["what"] for step in frame["steps"]}


def missing(frame: dict[str, Any]) -> dict[str, str]:
    return {one["what"]: one["why"] for one in frame["missing"]}


def dead_letter(stack: Stack, output: str, body: str, reason: str | None = None) -> None:
    """Sends a dead letter like a function, or without a reason like a queue."""
    attributes = {
        name: {"DataType": "String", "StringValue": text}
        for name, text in (("errorType", reason), ("errorMessage", "on purpose"), ("source", "test"))
        if reason is not None and text is not None
    }
    stack.cloud.client("sqs").send_message(
        QueueUrl=stack.outputs[output], MessageBody=body, MessageAttributes=attributes
    )


def depth(stack: Stack, output: str) -> int:
    """Returns the number of messages that are visible."""
    response = stack.cloud.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs[output], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(response["Attributes"]["ApproximateNumberOfMessages"])


def test_a_complete_frame(stack: Stack, played: list[ResultRecord]) -> None:
    record = next(one for one in played if one.matched)
    frame = traced_until(
        record.result_id,
        "recorded",
        "image",
        "analyzed",
        "completed",
        "record",
        "kept",
        "annotated",
        "fragment",
        "session opened",
        "alerted",
    )

    assert frame["missing"] == []
    assert frame["correlationId"] == f"{STREAM}/{record.frame.fragment_number}"
    times = [step["at"] for step in frame["steps"] if step["at"]]
    assert times == sorted(times)


def test_every_id_leads_to_the_same_frame(stack: Stack, played: list[ResultRecord]) -> None:
    record = next(one for one in played if one.matched)
    number = str(record.frame.fragment_number)
    frame = traced(record.result_id)
    session = next(step["sessionId"] for step in frame["steps"] if "sessionId" in step)

    assert traced(record.frame.image.key) == frame
    of_fragment = [output("trace", *ids)["frames"] for ids in ((number, "--stream", STREAM), (f"{STREAM}/{number}",))]
    siblings = {one.result_id for one in played if one.frame.fragment_number == number}
    for frames in of_fragment:
        assert {one["resultId"] for one in frames} == siblings
    best = output("trace", session)["frames"]
    assert {step["sessionId"] for one in best for step in one["steps"] if "sessionId" in step} == {session}


def test_a_frame_without_a_match_names_the_reason(stack: Stack, played: list[ResultRecord]) -> None:
    record = next(one for one in played if not one.matched)

    frame = traced_until(record.result_id, "analyzed")

    assert missing(frame) == {"evidence": "no rule matched: kept only with keep.records ALL"}


def test_an_unknown_id_names_the_next_step(cloud: LocalCloud) -> None:
    runner = CliRunner()

    assert "--since" in runner.invoke(app, ["trace", "0" * 32]).stderr
    assert "--stream" in runner.invoke(app, ["trace", "9" * 47]).stderr
    assert "not a known kind of id" in runner.invoke(app, ["trace", "front door"]).stderr


def test_a_poison_message_is_traced_and_redriven_once_after_it_is_fixed(
    stack: Stack, played: list[ResultRecord]
) -> None:
    s3, bucket = stack.cloud.client("s3"), stack.outputs["ImagesBucketName"]
    key = f"images/123456789012_{STREAM}_1767268800001_0f8fad5b-d9cb-469f-a165-708677289501.jpg"
    metadata = {"AWS_KINESISVIDEO_FRAGMENT_NUMBER": str(played[0].frame.fragment_number)}
    s3.put_object(Bucket=bucket, Key=key, Body=b"this is no image", ContentType="image/jpeg", Metadata=metadata)
    frame = traced_until(key, "dead-lettered")

    assert "UnsupportedImageError" in whats(frame)
    assert "in the dead-letter queue images: UnsupportedImageError" in missing(frame)["result"]

    before = stack.results()
    dry = output("redrive", "--dry-run")
    (group,) = dry["groups"]
    assert (group["queue"], group["reason"], group["action"]) == ("images", "UnsupportedImageError", "to ImagesQueue")
    assert (dry["sent"], depth(stack, "ImagesDeadLetterQueueUrl"), stack.results()) == (0, 1, before)
    assert output("redrive", "--reason", "DetectorRejectedError")["sent"] == 0

    good = s3.get_object(Bucket=bucket, Key=played[0].frame.image.key)["Body"].read()
    # Without its event, so that only the dead letter causes an analysis.
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key=key, Body=good, ContentType="image/jpeg", Metadata=metadata)
    assert output("redrive", "--queue", "images")["sent"] == 1
    results = eventually(stack.results, lambda seen: len(seen) > len(before))
    body = stack_event(bucket, key)
    stack.say(body)
    eventually(stack.waiting, lambda count: count == 0)

    assert [one.frame.image.key for one in results[len(before) :]] == [key]
    assert len(stack.results()) == len(results)
    assert output("redrive")["found"]["images"] == 0
    assert "result" not in missing(traced_until(key, "analyzed"))


def stack_event(bucket: str, key: str) -> str:
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
    return json.dumps({"Records": [record]})


def test_a_message_that_would_fail_again_is_skipped_unless_forced(stack: Stack, played: list[ResultRecord]) -> None:
    dead_letter(stack, "ImagesDeadLetterQueueUrl", "this is not JSON", "InvalidEventError")

    kept = output("redrive", "--queue", "images", status=1)
    assert (kept["sent"], kept["skipped"], depth(stack, "ImagesDeadLetterQueueUrl")) == (0, 1, 1)

    assert output("redrive", "--queue", "images", "--reason", "InvalidEventError")["sent"] == 1
    eventually(stack.waiting, lambda count: count == 0)
    eventually(lambda: depth(stack, "ImagesDeadLetterQueueUrl"), lambda messages: messages == 1)  # dead-lettered again
    stack.drained(stack.outputs["ImagesDeadLetterQueueUrl"])


@pytest.mark.parametrize("as_range", [False, True])
def test_evidence_is_kept_again_and_no_other_consumer_receives_it(
    stack: Stack, played: list[ResultRecord], as_range: bool
) -> None:
    raw = stack.raw_results()
    index, record = next(
        (index, one) for index, one in enumerate(map(_parsed, raw)) if one.matched and "Face" in one.matched_labels
    )
    keys, s3, bucket = evidence_keys(record), stack.cloud.client("s3"), stack.outputs["EvidenceBucketName"]
    before, alerts = stack.objects("EvidenceBucketName"), list(stack.all_alerts())
    for key in (keys.result, keys.annotated):
        s3.delete_object(Bucket=bucket, Key=key)
    number = raw[index]["SequenceNumber"]
    if as_range:
        dead_letter(stack, "EvidenceDeadLetterQueueUrl", json.dumps(_batch_info(stack, number)))
    else:
        dead_letter(stack, "EvidenceDeadLetterQueueUrl", raw[index]["Data"].decode(), "EvidenceGoneError")
    frame = traced(record.result_id)

    assert "in the dead-letter queue evidence" in missing(frame)["evidence: annotated"]
    assert output("redrive", "--queue", "evidence")["sent"] == 1
    assert depth(stack, "EvidenceDeadLetterQueueUrl") == 0
    assert set(stack.objects("EvidenceBucketName")) == set(before)
    assert [one["SequenceNumber"] for one in stack.raw_results()] == [one["SequenceNumber"] for one in raw]
    assert stack.all_alerts() == alerts


def _parsed(raw: dict[str, Any]) -> ResultRecord:
    return ResultRecord.model_validate_json(raw["Data"])


def _batch_info(stack: Stack, number: str, size: int = 1) -> dict[str, Any]:
    """What Lambda sends to an on-failure destination, as far as anybody reads it."""
    (shard,) = stack.cloud.client("kinesis").describe_stream(StreamName=stack.outputs["ResultsStreamName"])[
        "StreamDescription"
    ]["Shards"]
    batch = {"shardId": shard["ShardId"], "startSequenceNumber": number, "endSequenceNumber": number}
    return {"KinesisBatchInfo": batch | {"batchSize": size}}


def test_a_range_of_which_the_stream_has_only_a_part_is_skipped(stack: Stack, played: list[ResultRecord]) -> None:
    number = stack.raw_results()[-1]["SequenceNumber"]
    dead_letter(stack, "SessionsDeadLetterQueueUrl", json.dumps(_batch_info(stack, number, size=3)))

    (group,) = output("redrive", "--queue", "sessions", status=1)["groups"]

    assert "1 of its 3 records" in group["action"]
    assert depth(stack, "SessionsDeadLetterQueueUrl") == 1
    stack.drained(stack.outputs["SessionsDeadLetterQueueUrl"])


def test_a_live_keyframe_is_analyzed_by_the_workflow_once(stack: Stack, played: list[ResultRecord]) -> None:
    shown = played[0].frame
    moment = shown.image_timestamp + timedelta(milliseconds=123)
    message = json.dumps(
        {"streamName": STREAM, "fragmentNumber": shown.fragment_number, "imageTimestamp": moment.isoformat()}
    )
    before = len(stack.results())

    for _ in range(2):
        dead_letter(stack, "LiveDeadLetterQueueUrl", message, "DetectorRejectedError")
        assert output("redrive", "--queue", "live")["sent"] == 1
    results = eventually(stack.results, lambda seen: len(seen) > before)
    frame = traced_until(results[-1].result_id, "analyzed")

    assert [(one.frame.fragment_number, one.frame.image_timestamp) for one in results[before:]] == [
        (shown.fragment_number, moment)
    ]
    assert any(step["what"].startswith("execution redrive-") for step in frame["steps"])


def test_a_failed_execution_is_started_again_once(stack: Stack, played: list[ResultRecord]) -> None:
    client, machine = stack.cloud.client("stepfunctions"), stack.outputs["AnalyzeRangeArn"]
    at = played[0].frame.image_timestamp
    expected = {"StreamName": "front-garden", "StartTimestamp": at.isoformat(), "EndTimestamp": at.isoformat()}
    arn = client.start_execution(stateMachineArn=machine, name="too-early", input=json.dumps(expected))["executionArn"]
    eventually(lambda: client.describe_execution(executionArn=arn)["status"], lambda status: status == "FAILED")

    (group,) = output("redrive", "--queue", "executions", "--dry-run")["groups"]
    assert (group["reason"], group["action"].split(":")[0]) == ("NoMediaError", "skipped")
    assert output("redrive", "--queue", "executions", "--reason", "NoMediaError")["sent"] == 1

    runs = client.list_executions(stateMachineArn=machine)["executions"]
    again = [one["executionArn"] for one in runs if one["name"].startswith("redrive-") and arn != one["executionArn"]]
    inputs = [json.loads(client.describe_execution(executionArn=one)["input"]) for one in again]
    assert inputs.count(expected) == 1


def test_a_record_that_a_queue_has_cut_is_skipped(stack: Stack) -> None:
    dead_letter(stack, "EvidenceDeadLetterQueueUrl", base64.b64encode(b"cut").decode(), "EvidenceGoneError")

    (group,) = output("redrive", "--queue", "evidence", "--dry-run")["groups"]

    assert "cut" in group["action"]
    stack.drained(stack.outputs["EvidenceDeadLetterQueueUrl"])
