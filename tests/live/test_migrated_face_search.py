"""A migrated face search stream processor: faces in live video are searched in its collection."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.model import ResultRecord
from kinesight_cli.migrate.migration import Migration
from kinesight_cli.migrate.rekognition import migrate_rekognition
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud

from tests.emulators import use_local_cloud
from tests.functional.test_vision import photograph
from tests.live.chaos import ROOT
from tests.live.test_migrated_kit import SCHEDULED, records_of
from tests.processors import FACE_SEARCH
from tests.sample_video import write_sample_video

# tests/e2e/test_migration.py deploys a migrated processor too, and test_detectors.py there searches faces.
pytestmark = pytest.mark.long
STREAM = "entrance"


@pytest.fixture(scope="module")
def migration() -> Migration:
    return migrate_rekognition(json.dumps(FACE_SEARCH))


@pytest.fixture(scope="module")
def cloud(migration: Migration, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with LocalCloud(ROOT, folder, migration.parameters, configuration=migration.document) as cloud:
        cloud.ensure_stream(STREAM)
        cloud.deploy()
        yield cloud


@pytest.fixture(autouse=True)
def clean_environment(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is that of the local cloud."""
    use_local_cloud(cloud, monkeypatch)


def test_faces_of_the_collection_are_identified_by_name(
    migration: Migration, cloud: LocalCloud, tmp_path: Path
) -> None:
    assert cloud.stack is not None
    rekognition: Any = cloud.client("rekognition")
    collection = migration.parameters["FaceCollectionId"]
    rekognition.create_collection(CollectionId=collection)
    rekognition.index_faces(
        CollectionId=collection, Image={"Bytes": photograph("astronaut.png")}, ExternalImageId="eileen", MaxFaces=1
    )
    conductor = cloud.stack.function_name("ConductLiveFunction")
    cloud.client("lambda").invoke(FunctionName=conductor, Payload=json.dumps(SCHEDULED))["Payload"].read()
    video = tmp_path / "video.mp4"
    write_sample_video(video)

    play(STREAM, read_video(video), Tagging(image=False), lambda _: None, Pace(realtime=True))
    records = _all_of_them(cloud)

    faces = [found for record in records for found in record.detections if found.label == "Face"]
    named = [face for face in faces if face.attributes.get("externalImageId") == "eileen"]
    assert named
    assert all(face.attributes["similarity"] >= 85.5 for face in named)
    assert all(face.attributes["known"] is False for face in faces if face not in named)
    assert [record for record in records if not record.detections]


def _all_of_them(cloud: LocalCloud) -> list[ResultRecord]:
    """Waits until no more records arrive for some seconds."""
    deadline_s, last, quiet_since_s = time.monotonic() + 90, 0, time.monotonic()
    while True:
        found = records_of(cloud)
        if len(found) != last:
            last, quiet_since_s = len(found), time.monotonic()
        if last and time.monotonic() - quiet_since_s > 8:
            return [ResultRecord.model_validate(one) for one in found]
        assert time.monotonic() < deadline_s
        time.sleep(0.3)
