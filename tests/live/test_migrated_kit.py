"""KIT's documented parameters, migrated: the stack calls the endpoint for the same keyframes and publishes KIT
records."""

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kinesight_cli.migrate.kit import migrate_kit
from kinesight_cli.migrate.migration import Migration
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud

from tests.emulators import use_local_cloud
from tests.live.chaos import ROOT
from tests.processors import KIT_PARAMETERS
from tests.scenes import KEYFRAME_S, SCENE_S, SCENES, make_scene_video

SCHEDULED = json.loads((ROOT / "events/conduct_live/schedule.json").read_text())
STREAM = "front-door"


@pytest.fixture(scope="module")
def migration() -> Migration:
    return migrate_kit(json.dumps(KIT_PARAMETERS))


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


def records_of(cloud: LocalCloud) -> list[dict[str, Any]]:
    kinesis, name = cloud.client("kinesis"), cloud.outputs["ResultsStreamName"]
    (shard,) = kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    return [json.loads(one["Data"]) for one in kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]]


def output_for(cloud: LocalCloud, record: dict[str, Any], endpoint: str) -> bytes:
    """Returns the endpoint's output for the image of a record."""
    image = record["frame"]["image"]
    body = cloud.client("s3").get_object(Bucket=image["bucket"], Key=image["key"])["Body"].read()
    response = cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=body, ContentType="image/jpeg", Accept="application/json"
    )
    output: bytes = response["Body"].read()
    return output


def best_score(record: dict[str, Any]) -> float:
    score: float = json.loads(b64decode(record["sageMakerOutput"]))["prediction"][0][1]
    return score


def test_every_sixth_keyframe_has_the_endpoints_output(migration: Migration, cloud: LocalCloud, tmp_path: Path) -> None:
    assert cloud.stack is not None
    conductor = cloud.stack.function_name("ConductLiveFunction")
    cloud.client("lambda").invoke(FunctionName=conductor, Payload=json.dumps(SCHEDULED))["Payload"].read()
    video = tmp_path / "video.mp4"
    make_scene_video(video)
    start = datetime.now(UTC)

    play(STREAM, read_video(video), Tagging(), lambda _: None, Pace(start))

    every_s = KEYFRAME_S * KIT_PARAMETERS["inferenceInterval"]
    expected = [second for second in range(len(SCENES) * SCENE_S) if second % every_s == 0]
    deadline_s = time.monotonic() + 40
    while len(records := records_of(cloud)) < len(expected):
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    records.sort(key=lambda record: str(record["frame"]["imageTimestamp"]))
    moments = [datetime.fromisoformat(record["frame"]["imageTimestamp"]) for record in records]
    assert [round((moment - start).total_seconds()) for moment in moments] == expected
    assert {record["streamName"] for record in records} == {STREAM}
    for record in records:
        output = b64decode(record["sageMakerOutput"])
        assert output == output_for(cloud, record, migration.parameters["SageMakerEndpointName"])
        assert record["fragmentMetaData"].startswith("FragmentMetadata(fragmentNumberString=")
    assert best_score(records[0]) <= 0.05
    assert best_score(records[-1]) > 0.5
