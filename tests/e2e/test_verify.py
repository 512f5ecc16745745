"""`kinesight verify` names the broken step of deployments that are sabotaged, one thing at a time.

A shorter test is in test_sessions.py: a working deployment, one that is broken, and an interruption.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kinesight_cli.shared.video_file import SourceVideo, read_video
from kinesight_cli.verify.deployment import deployment
from kinesight_cli.verify.outcome import Outcome, Status
from kinesight_cli.verify.runner import Pacing
from kinesight_cli.verify.verification import verify
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.faults import Fail

from tests.e2e.conftest import ROOT
from tests.sample_video import write_sample_video

pytestmark = pytest.mark.long

DEFAULTS: Mapping[str, Any] = {
    "minimumConfidence": 70,
    "sessions": {
        "quietSeconds": 3,
        "orderingSeconds": 1,
        "preRollSeconds": 1,
        "postRollSeconds": 1,
        "clipSettleSeconds": 0,
    },
}
QUICK = Pacing(poll_s=0.5, limits=0.25)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {
        "StreamNames": "camera-*",
        "SamplingInterval": "2000",
        "FaceCollectionId": "staff",
        "ViewerUserEmail": "viewer@example.com",
    }
    document = {"schemaVersion": 1, "defaults": DEFAULTS}
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters, configuration=document) as cloud:
        cloud.deploy()
        yield cloud


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> SourceVideo:
    path: Path = tmp_path_factory.mktemp("video") / "demo.mp4"
    write_sample_video(path)
    return read_video(path)


Sabotage = Callable[[LocalCloud], Iterator[None]]
"""Breaks one thing, yields, and fixes it."""


def refused(operation: str, code: str = "AccessDeniedException") -> Sabotage:
    def sabotage(cloud: LocalCloud) -> Iterator[None]:
        cloud.kvs.service.faults.add(Fail(operation=operation, code=code, status=401))
        yield
        cloud.kvs.service.faults.clear()

    return sabotage


def mapping_disabled(function: str) -> Sabotage:
    def sabotage(cloud: LocalCloud) -> Iterator[None]:
        client = cloud.client("lambda")
        (uuid,) = (
            one["UUID"]
            for one in client.list_event_source_mappings()["EventSourceMappings"]
            if one["FunctionArn"].endswith(function)
        )
        client.update_event_source_mapping(UUID=uuid, Enabled=False)
        yield
        client.update_event_source_mapping(UUID=uuid, Enabled=True)

    return sabotage


def not_notified(cloud: LocalCloud) -> Iterator[None]:
    s3, bucket = cloud.client("s3"), cloud.outputs["ImagesBucketName"]
    before = s3.get_bucket_notification_configuration(Bucket=bucket)
    del before["ResponseMetadata"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    yield
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=before)


def detector_refuses(cloud: LocalCloud) -> Iterator[None]:
    """The face collection does not exist."""
    cloud.configure({"schemaVersion": 1, "defaults": {**DEFAULTS, "detector": "REKOGNITION_FACE_SEARCH"}})
    yield
    cloud.configure({"schemaVersion": 1, "defaults": DEFAULTS})


def no_alert_topic(cloud: LocalCloud) -> Iterator[None]:
    arn = cloud.outputs["AlertTopicArn"]
    cloud.client("sns").delete_topic(TopicArn=arn)
    yield
    cloud.client("sns").create_topic(Name=arn.rpartition(":")[2])


def images_disabled(cloud: LocalCloud) -> Iterator[None]:
    """Another owner has disabled image generation of the new stream, after configure_streams has set it."""
    name = "ImageGenerationConfiguration"

    def disable(outcome: Outcome) -> None:
        client = cloud.client("kinesisvideo")
        if outcome.step == "settings":
            (stream,) = (
                one["StreamName"]
                for one in client.list_streams()["StreamInfoList"]
                if "kinesight-verify" in one["StreamName"]
            )
            before = client.describe_image_generation_configuration(StreamName=stream)[name]
            client.update_image_generation_configuration(StreamName=stream, **{name: {**before, "Status": "DISABLED"}})

    AFTER_STEP.append(disable)
    yield
    AFTER_STEP.clear()


AFTER_STEP: list[Callable[[Outcome], None]] = []
SABOTAGED: Mapping[str, tuple[Sabotage, str, str]] = {
    "configure_streams may not update streams": (
        refused("UpdateImageGenerationConfiguration"),
        "settings",
        "AccessDeniedException",
    ),
    "KVS may not write images": (refused("ImageDelivery", "AccessDenied"), "image", "images-not-written"),
    "image generation is disabled": (images_disabled, "image", "images-disabled"),
    "the bucket does not notify": (not_notified, "result", "bucket-not-notifying"),
    "the detector refuses": (detector_refuses, "result", "collection-missing"),
    "images are not read": (mapping_disabled("AnalyzeImagesFunction"), "result", "mapping-disabled"),
    "evidence is not kept": (mapping_disabled("KeepEvidenceFunction"), "evidence", "mapping-disabled"),
    "sessions are not tracked": (mapping_disabled("TrackSessionsFunction"), "session", "mapping-disabled"),
    "the alert topic is gone": (no_alert_topic, "subscription", "topic-missing"),
    "the workflow may not list fragments": (refused("ListFragments"), "on-demand", "list_fragments"),
    "clips are not archived": (mapping_disabled("ArchiveSessionFunction"), "clip", "mapping-disabled"),
}
"""By what is broken: how, the step that fails first, and what its outcome names."""


def first_failed(cloud: LocalCloud, video: SourceVideo) -> Outcome:
    def stop(outcome: Outcome) -> None:
        for one in AFTER_STEP:
            one(outcome)
        if outcome.status is Status.FAILED:
            raise KeyboardInterrupt

    assert cloud.stack is not None
    report = verify(deployment(cloud.stack.name, None), video, stop, pacing=QUICK)
    assert report.first_failed is not None, report.document()
    assert report.left == ()
    return report.first_failed


@pytest.mark.parametrize(("sabotage", "step", "named"), SABOTAGED.values(), ids=SABOTAGED)
def test_the_broken_step_is_named(
    cloud: LocalCloud, video: SourceVideo, sabotage: Sabotage, step: str, named: str
) -> None:
    (outcome,) = [first_failed(cloud, video) for _ in sabotage(cloud)]  # fixed at the end

    assert outcome.step == step
    assert named in f"{outcome.cause} {outcome.fact} {outcome.next_step}"
    assert outcome.next_step


def test_the_sessions_table_is_gone(cloud: LocalCloud, video: SourceVideo) -> None:
    """The last one: the table is not created again."""
    cloud.client("dynamodb").delete_table(TableName=cloud.outputs["SessionsTableName"])

    outcome = first_failed(cloud, video)

    assert outcome.step == "session"
    assert "ResourceNotFoundException" in outcome.fact
