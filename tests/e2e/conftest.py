"""The stack from template.yaml on the local cloud, once per file: real functions in real processes.

Not once for all: moto keeps one state per process, and other files of the same process want their own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.undocumented import Undocumented

from tests.emulators import use_local_cloud

ROOT = Path(__file__).resolve().parents[2]
STREAM = "camera-1"
MODEL_ARN = "arn:aws:rekognition:us-east-1:111122223333:project/parts/version/v1/1767268800000"


@pytest.fixture(scope="module")
def more_parameters() -> dict[str, str]:
    """What a file's stack is given besides."""
    return {}


@pytest.fixture(scope="module")
def undocumented() -> Undocumented:
    """What AWS does not document, as a file chooses it."""
    return Undocumented()


@pytest.fixture(scope="module")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, more_parameters: dict[str, str], undocumented: Undocumented
) -> Iterator[LocalCloud]:
    parameters = {
        "StreamNames": "camera-*",
        "SamplingInterval": "500",
        "Labels": "Face",
        "FaceCollectionId": "staff",
        "CustomLabelsModelArn": MODEL_ARN,
        "NotificationStatus": "ENABLED",
        "SweepSchedule": "rate(1 day)",
        **more_parameters,
    }
    analysis = {"quietSeconds": 3, "preRollSeconds": 1, "postRollSeconds": 1, "settleSeconds": 0}
    # Delayed videos would change the evidence behind the back of tests that compare it.
    defaults = {"minimumConfidence": 70, "analysis": analysis, "sessions": {"clip": False}}
    document = {"schemaVersion": 1, "defaults": defaults, "alerts": {"per": "IMAGE"}}
    folder = tmp_path_factory.mktemp("cloud")
    with LocalCloud(ROOT, folder, parameters, configuration=document, undocumented=undocumented) as cloud:
        kinesis_video = cloud.client("kinesisvideo")
        kinesis_video.create_stream(StreamName=STREAM, DataRetentionInHours=24)
        kinesis_video.create_stream(StreamName="camera-0", DataRetentionInHours=0)
        for number in range(2, 6):
            kinesis_video.create_stream(StreamName=f"camera-{number}", DataRetentionInHours=24)
        kinesis_video.create_stream(StreamName="other", DataRetentionInHours=24)
        cloud.deploy()
        yield cloud


@pytest.fixture(autouse=True)
def clean_environment(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the environment is the local cloud's."""
    use_local_cloud(cloud, monkeypatch)
