"""`kinesight doctor` names every fault that the local cloud can have, one at a time.

Faults that it cannot have (a stream that is not ACTIVE, an e-mail address that is not confirmed) are in
tests/unit/cli/doctor/test_doctor.py, on facts.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

import boto3
import pytest
from kinesight.domain.check_results import Cause, Status
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.health.facts import HealthThresholds
from kinesight_cli.doctor.check_runner import CheckRunner
from kinesight_cli.doctor.report import Report
from kinesight_cli.main import app
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import EncodedFrame, SourceFragment, SourceVideo
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.faults import Fail
from kinesight_local.kvs.http.threaded_server import ThreadedServer
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

from tests.e2e.conftest import ROOT
from tests.e2e.test_event_driven_path import eventually
from tests.media import a_clip

CAMERA = "camera-1"
CAMERAS = (
    CAMERA,
    "camera-clock",
    "camera-codec",
    "camera-empty",
    "camera-refused",
    "camera-untagged",
    "camera-zero",
    "other",
)
COLLECTION = {"CollectionId": "staff"}
MAIL = "ops@example.com"
IMAGES = "ImageGenerationConfiguration"
NOTICES = "NotificationConfiguration"


class ModelServer:
    """A self-hosted model that can be down, always at the same address."""

    def __init__(self) -> None:
        self._server = self._started(0)
        self.url = f"{self._server.url}/see"

    def _started(self, port: int) -> ThreadedServer:
        async def respond(_: Any) -> Response:
            return Response('{"predictions": []}', media_type="application/json")

        server = ThreadedServer(Starlette(routes=[Route("/see", respond, methods=["POST"])]), "127.0.0.1", port)
        server.start()
        return server

    def stop(self) -> None:
        self._server.stop()

    def start_again(self) -> None:
        self._server = self._started(int(self.url.rpartition(":")[2].partition("/")[0]))


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[LocalCloud]:
    parameters = {
        "StreamNames": "camera-*",
        "SamplingInterval": "500",
        "Detector": "REKOGNITION_FACE_SEARCH",
        "FaceCollectionId": COLLECTION["CollectionId"],
        "HttpModelUrl": model.url,
        "NotificationStatus": "ENABLED",
        "AlertEmail": MAIL,
    }
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters) as cloud:
        parameters["KmsKeyArn"] = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
        cloud.client("rekognition").create_collection(**COLLECTION)
        kinesis_video = cloud.client("kinesisvideo")
        for name in CAMERAS:
            kinesis_video.create_stream(StreamName=name, DataRetentionInHours=0 if name == "camera-zero" else 24)
        cloud.deploy()
        document = {"schemaVersion": 1, "defaults": {"followUp": {"detector": "HTTP", "labels": ["Person"]}}}
        bucket = cloud.outputs["EvidenceBucketName"]
        cloud.client("s3").put_object(Bucket=bucket, Key=DOCUMENT_KEY, Body=json.dumps(document))
        record(cloud, CAMERA)
        yield cloud


def a_video() -> SourceVideo:
    """Two fragments of a second each."""
    clip = a_clip(2)
    frames = [EncodedFrame(Fraction(at), key, data) for at, key, data in clip.packets]
    halves = tuple(frames[start : start + 10] for start in (0, 10))
    return SourceVideo(
        clip.track, tuple(SourceFragment(tuple(one), Fraction(1000)) for one in halves), transcoded=False
    )


def record(
    cloud: LocalCloud, stream: str, *, tagged: bool = True, codec: str = "", start: datetime | None = None
) -> None:
    video = a_video()
    if codec:
        video = replace(video, track=replace(video.track, codec_id=codec))
    play(stream, video, Tagging(image=tagged), lambda _: None, Pace(start))
    counters = cloud.kvs.service.delivery.counters
    eventually(lambda: counters(stream)["pending"], lambda pending: pending == 0)


def checked(stream: str, thresholds: HealthThresholds | None = None) -> Report:
    return CheckRunner("kinesight", session(), thresholds or HealthThresholds(image_s=0)).check_stream(stream)


@cache
def session() -> boto3.Session:
    """Returns one session for all tests: reading botocore's models takes longer than checking a stream."""
    return boto3.Session()


def causes(report: Report) -> list[Cause | None]:
    """Returns the causes without those from logs, which may be from the faults of earlier tests."""
    (health,) = report.streams
    return [one.result.cause for one in health.checks if one.has_failed and one.check != "errors"]


def physical(cloud: LocalCloud, logical_id: str) -> str:
    assert cloud.stack is not None
    return cloud.stack.physical_id(logical_id)


def parameter(cloud: LocalCloud, name: str) -> str:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="kinesight")["Stacks"]
    (value,) = (one["ParameterValue"] for one in stack["Parameters"] if one["ParameterKey"] == name)
    return str(value)


def test_a_healthy_stream_passes_every_check(cloud: LocalCloud) -> None:
    (health,) = checked(CAMERA).streams

    unhealthy = [one for one in health.checks if one.result.status is not Status.OK]
    assert unhealthy == []
    assert len(health.checks) > 25
    assert health.measured["lastImageAgeSeconds"] < 300


# -- one thing broken at a time ------------------------------------------------------------------------------------

Breaking = Callable[[LocalCloud, ModelServer], Iterator[str]]
"""Breaks one thing, yields the stream to check, and fixes it."""


def nothing_recorded(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    yield "camera-empty"


def no_such_stream(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    yield "camera-none"


def no_retention(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    yield "camera-zero"


def not_selected(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    record(cloud, "other")
    yield "other"


def untagged(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    record(cloud, "camera-untagged", tagged=False)
    yield "camera-untagged"


def another_codec(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    record(cloud, "camera-codec", codec="V_MJPEG")
    yield "camera-codec"


def a_wrong_clock(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    record(cloud, "camera-clock", start=datetime.now(UTC) - timedelta(hours=3))
    yield "camera-clock"


def a_producer_without_rights(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    """The emulator's deliveries fail as those of a role without s3:PutObject."""
    cloud.kvs.service.faults.add(
        Fail(operation="ImageDelivery", stream="camera-refused", code="AccessDenied", status=403)
    )
    record(cloud, "camera-refused")
    yield "camera-refused"
    cloud.kvs.service.faults.clear()


def configured(cloud: LocalCloud, **changes: Any) -> Iterator[str]:
    """Changes the stream's image generation behind the stack's back; {} deletes it."""
    client = cloud.client("kinesisvideo")
    before = client.describe_image_generation_configuration(StreamName=CAMERA)[IMAGES]
    client.update_image_generation_configuration(StreamName=CAMERA, **({IMAGES: before | changes} if changes else {}))
    yield CAMERA
    client.update_image_generation_configuration(StreamName=CAMERA, **{IMAGES: before})


def images_deleted(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    return configured(cloud)


def images_disabled(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    return configured(cloud, Status="DISABLED")


def images_drifted(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    return configured(cloud, SamplingInterval=7000)


def images_elsewhere(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    return configured(cloud, DestinationConfig={"Uri": "s3://another-bucket", "DestinationRegion": "us-east-1"})


def bucket_of_another_region(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    with without_images_bucket(cloud) as bucket:
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield CAMERA
        s3.delete_bucket(Bucket=bucket)


def bucket_gone(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    with without_images_bucket(cloud):
        yield CAMERA


@contextmanager
def without_images_bucket(cloud: LocalCloud) -> Iterator[str]:
    """Afterwards there is one again, with a new image."""
    eventually(lambda: waiting(cloud), lambda count: count == 0)  # messages of deleted images are dead-lettered
    s3, bucket = cloud.client("s3"), cloud.outputs["ImagesBucketName"]
    notification = s3.get_bucket_notification_configuration(Bucket=bucket)
    del notification["ResponseMetadata"]
    for one in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    s3.delete_bucket(Bucket=bucket)
    yield bucket
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notification)
    record(cloud, CAMERA)


def bucket_refuses(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    s3, bucket = cloud.client("s3"), cloud.outputs["ImagesBucketName"]
    deny = {
        "Sid": "NoWrites",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:Put*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    yield CAMERA
    s3.delete_bucket_policy(Bucket=bucket)


def bucket_not_notifying(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    s3, bucket = cloud.client("s3"), cloud.outputs["ImagesBucketName"]
    before = s3.get_bucket_notification_configuration(Bucket=bucket)
    del before["ResponseMetadata"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    yield CAMERA
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=before)


def key_disabled(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    kms = cloud.client("kms")
    (key,) = (one["KeyId"] for one in kms.list_keys()["Keys"] if one["KeyArn"] == parameter(cloud, "KmsKeyArn"))
    kms.disable_key(KeyId=key)
    yield CAMERA
    kms.enable_key(KeyId=key)


def queue_refuses(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    sqs, url = cloud.client("sqs"), physical(cloud, "ImagesQueue")
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    yield CAMERA
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": before})


def mapping_disabled(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    """What is recorded meanwhile waits, and goes on afterwards."""
    lambda_ = cloud.client("lambda")
    (mapping,) = (
        one
        for one in lambda_.list_event_source_mappings()["EventSourceMappings"]
        if one["FunctionArn"].endswith("AnalyzeImagesFunction")
    )
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    eventually(lambda: waiting(cloud), lambda count: count == 0)
    delivered = cloud.kvs.service.delivery.counters(CAMERA)["images_delivered"]
    record(cloud, CAMERA)
    delivered = cloud.kvs.service.delivery.counters(CAMERA)["images_delivered"] - delivered
    eventually(lambda: waiting(cloud), lambda count: count == delivered > 0)
    yield CAMERA
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    eventually(lambda: waiting(cloud), lambda count: count == 0)


def waiting(cloud: LocalCloud) -> int:
    result = cloud.client("sqs").get_queue_attributes(QueueUrl=physical(cloud, "ImagesQueue"), AttributeNames=["All"])
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return sum(int(result["Attributes"][name]) for name in names)


def function_throttled(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    name = physical(cloud, "AnalyzeImagesFunction")
    cloud.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    yield CAMERA
    cloud.client("lambda").delete_function_concurrency(FunctionName=name)


def collection_missing(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    cloud.client("rekognition").delete_collection(**COLLECTION)
    yield CAMERA
    cloud.client("rekognition").create_collection(**COLLECTION)


def model_silent(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    model.stop()
    yield CAMERA
    model.start_again()


def poison(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    """A real one: the function dead-letters it with its reason."""
    sqs, letters = cloud.client("sqs"), cloud.outputs["ImagesDeadLetterQueueUrl"]
    sqs.send_message(QueueUrl=physical(cloud, "ImagesQueue"), MessageBody="this is not JSON")

    def dead_letters() -> int:
        result = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["ApproximateNumberOfMessages"])
        return int(result["Attributes"]["ApproximateNumberOfMessages"])

    eventually(dead_letters, lambda count: count == 1)
    yield CAMERA
    for message in sqs.receive_message(QueueUrl=letters, MaxNumberOfMessages=10)["Messages"]:
        sqs.delete_message(QueueUrl=letters, ReceiptHandle=message["ReceiptHandle"])


def nobody_is_alerted(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    sns, topic = cloud.client("sns"), cloud.outputs["AlertTopicArn"]
    for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    yield CAMERA
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=MAIL)


def notifications_deleted(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    client = cloud.client("kinesisvideo")
    before = client.describe_notification_configuration(StreamName=CAMERA)[NOTICES]
    client.update_notification_configuration(StreamName=CAMERA)
    yield CAMERA
    client.update_notification_configuration(StreamName=CAMERA, **{NOTICES: before})


def notifications_reach_nobody(cloud: LocalCloud, model: ModelServer) -> Iterator[str]:
    sns, topic = cloud.client("sns"), cloud.outputs["NotificationTopicArn"]
    (before,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=before["SubscriptionArn"])
    yield CAMERA
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=before["Endpoint"])


STATES: tuple[tuple[Breaking, Cause], ...] = (
    (no_such_stream, Cause.STREAM_MISSING),
    (no_retention, Cause.NO_RETENTION),
    (not_selected, Cause.NOT_SELECTED),
    (nothing_recorded, Cause.NO_FRAGMENTS),
    (untagged, Cause.UNTAGGED),
    (another_codec, Cause.CODEC_UNUSABLE),
    (a_wrong_clock, Cause.CLOCK_OFF),
    (a_producer_without_rights, Cause.IMAGES_NOT_WRITTEN),
    (images_deleted, Cause.IMAGES_NOT_CONFIGURED),
    (images_disabled, Cause.IMAGES_DISABLED),
    (images_drifted, Cause.IMAGES_DRIFTED),
    (images_elsewhere, Cause.IMAGES_ELSEWHERE),
    (bucket_refuses, Cause.BUCKET_REFUSES),
    (bucket_gone, Cause.BUCKET_MISSING),
    (bucket_of_another_region, Cause.DESTINATION_REGION),
    (bucket_not_notifying, Cause.BUCKET_NOT_NOTIFYING),
    (key_disabled, Cause.KEY_UNUSABLE),
    (queue_refuses, Cause.QUEUE_REFUSES),
    (mapping_disabled, Cause.MAPPING_DISABLED),
    (function_throttled, Cause.FUNCTION_THROTTLED),
    (collection_missing, Cause.COLLECTION_MISSING),
    (model_silent, Cause.MODEL_SILENT),
    (poison, Cause.DEAD_LETTERS),
    (nobody_is_alerted, Cause.ALERTS_UNSUBSCRIBED),
    (notifications_deleted, Cause.NOTIFICATIONS_NOT_CONFIGURED),
    (notifications_reach_nobody, Cause.NOTIFICATIONS_UNSUBSCRIBED),
)


@pytest.mark.parametrize(("breaking", "cause"), STATES, ids=[cause.value for _, cause in STATES])
def test_the_cause_is_named_and_nothing_else(
    cloud: LocalCloud, model: ModelServer, breaking: Breaking, cause: Cause
) -> None:
    (report,) = [checked(stream) for stream in breaking(cloud, model)]  # fixed at the end

    assert causes(report) == [cause]
    first = report.streams[0].first_failed
    assert first is not None
    assert first.result.next_step


def test_a_missing_permission_is_not_a_failure(cloud: LocalCloud, model: ModelServer) -> None:
    operation = "DescribeImageGenerationConfiguration"
    cloud.kvs.service.faults.add(Fail(operation=operation, code="AccessDeniedException", status=401))
    report = checked(CAMERA)
    cloud.kvs.service.faults.clear()

    (unseen,) = {one.result.fact for one in report.streams[0].checks if one.result.status is Status.WARNING}
    assert unseen == f"cannot run the check: permission kinesisvideo:{operation} is missing"
    assert causes(report) == []


def test_the_reasons_of_failures_come_from_the_log(cloud: LocalCloud, model: ModelServer) -> None:
    def facts() -> list[str]:
        checks = checked(CAMERA).streams[0].checks
        return [one.result.fact for one in checks if one.result.cause is Cause.FUNCTION_ERRORS]

    ((fact,),) = [eventually(facts, bool) for _ in poison(cloud, model)]

    assert re.search(r"(dead-lettered|to be retried): \w+Error", fact)


def test_the_command_on_the_whole_stack(cloud: LocalCloud, model: ModelServer) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json", "--silent-after", "3600"])

    report = json.loads(result.stdout)
    of_streams = {one["stream"]: one["cause"] for one in report["streams"]}
    assert result.exit_code == 1
    assert set(of_streams) == {name for name in CAMERAS if name.startswith("camera-")}
    assert of_streams["camera-empty"] == "no-fragments"
    assert of_streams["camera-zero"] == "no-retention"
    assert {one["check"] for one in report["checks"] if one["status"] != "ok"} <= {"errors"}


def test_the_command_on_one_stream(cloud: LocalCloud, model: ModelServer) -> None:
    result = CliRunner().invoke(app, ["doctor", "camera-zero"])

    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert any("✗ retention" in line and "0 hours" in line for line in lines)
    assert any("next:" in line and "update-data-retention --stream-name camera-zero" in line for line in lines)
    assert any("· fragments" in line and "skipped: fix retention first" in line for line in lines)


def test_a_missing_stack(cloud: LocalCloud, model: ModelServer) -> None:
    result = CliRunner().invoke(app, ["doctor", CAMERA, "--stack", "other", "--json"])

    assert result.exit_code == 1
    assert json.loads(result.stdout)["streams"][0]["cause"] == "stack-missing"


def test_a_silent_camera(cloud: LocalCloud, model: ModelServer) -> None:
    record(cloud, CAMERA)

    named = eventually(lambda: causes(checked(CAMERA, HealthThresholds(silent_s=0.5))), bool)

    assert named == [Cause.PRODUCER_SILENT]


def test_the_results_stream_is_gone(cloud: LocalCloud, model: ModelServer) -> None:
    """The last one: what reads the stream would not find a new one."""
    cloud.client("kinesis").delete_stream(StreamName=cloud.outputs["ResultsStreamName"])

    assert causes(checked(CAMERA)) == [Cause.RESULTS_STREAM_MISSING]
