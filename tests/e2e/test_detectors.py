"""Every Rekognition detector on the deployed stack: executions choose it, and its answers reach the results stream."""

import json
from typing import Any

import pytest
from kinesight.domain.model import ResultRecord
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud

from tests.e2e.conftest import MODEL_ARN, STREAM
from tests.e2e.test_event_driven_path import Stack
from tests.e2e.test_on_demand import START, later, run
from tests.sample_video import write_sample_video

IMAGES = 12


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    video = tmp_path_factory.mktemp("video") / "demo.mp4"
    write_sample_video(video)
    play(STREAM, read_video(video), Tagging(image=False), lambda _: None, Pace(START))
    return Stack(cloud)


def seen_by(stack: Stack, detector: str) -> list[ResultRecord]:
    """What a detector's execution over a few seconds put on the results stream."""
    before = {record.result_id for record in stack.results()}
    execution = run(stack, detector, EndTimestamp=later(IMAGES - 1), SamplingInterval=1000, Detector=detector)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["output"])["published"] == IMAGES
    return [record for record in stack.results() if record.result_id not in before]


def test_a_face_of_the_video_is_found_in_a_collection_of_it(stack: Stack) -> None:
    rekognition: Any = stack.cloud.client("rekognition")
    rekognition.create_collection(CollectionId="staff")
    shown = [record for record in seen_by(stack, "REKOGNITION_FACES") if record.detections]
    image = shown[0].frame.image
    rekognition.index_faces(
        CollectionId="staff",
        Image={"S3Object": {"Bucket": image.bucket, "Name": image.key}},
        ExternalImageId="ada",
        MaxFaces=1,
    )

    records = seen_by(stack, "REKOGNITION_FACE_SEARCH")

    moment = shown[0].frame.image_timestamp
    (same,) = [record for record in records if record.frame.image_timestamp == moment]
    assert same.detector.operation == "SearchFacesByImage"
    assert same.detections[0].attributes["externalImageId"] == "ada"


def test_a_model_of_ones_own(stack: Stack) -> None:
    stack.cloud.client("rekognition").start_project_version(ProjectVersionArn=MODEL_ARN, MinInferenceUnits=1)

    records = seen_by(stack, "REKOGNITION_CUSTOM_LABELS")

    assert {record.detector.model_version for record in records} == {"v1"}


@pytest.mark.parametrize(
    ("detector", "operation"),
    [
        ("REKOGNITION_LABELS", "DetectLabels"),
        ("REKOGNITION_MODERATION", "DetectModerationLabels"),
        ("REKOGNITION_TEXT", "DetectText"),
        ("REKOGNITION_PROTECTIVE_EQUIPMENT", "DetectProtectiveEquipment"),
    ],
)
def test_the_other_operations_return_records(stack: Stack, detector: str, operation: str) -> None:
    records = seen_by(stack, detector)

    assert {record.detector.operation for record in records} == {operation}
    assert all(record.detector.model_version for record in records)
