"""Two stream processors, migrated: the stack that comes out reports what the processors would have reported."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import ResultRecord
from kinesight_cli.migrate.migration import Migration
from kinesight_cli.migrate.rekognition import migrate_rekognition
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud

from tests.e2e.conftest import ROOT
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.processors import HOME_WITH_PETS, HOME_WITH_REGIONS
from tests.scenes import SCENE_S, SCENES, make_scene_video

QUICKLY = {"analysis": {"quietSeconds": 2, "preRollSeconds": 0, "postRollSeconds": 0}}
KEEP_ALL = {"keep": {"records": "ALL", "fragments": "ALL"}}
"""Defaults of the document: shorter waits, and what is kept, are all that is changed of what was migrated."""

CUT_S = 0.5
"""This near to a change of scene it is no matter which of the two is shown."""


def without_key(described: dict[str, Any]) -> dict[str, Any]:
    """The local cloud has no customer's key."""
    return {name: value for name, value in described.items() if name != "KmsKeyId"}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((HOME_WITH_REGIONS, "person on the right"), id="people in a region"),
        pytest.param((HOME_WITH_PETS, "cat"), id="pets", marks=pytest.mark.long),
    ],
)
def processor(request: pytest.FixtureRequest) -> tuple[Migration, str]:
    """What came of a processor, and the scene that it would have reported."""
    described, reported = request.param
    return migrate_rekognition(json.dumps(without_key(described))), reported


@pytest.fixture(scope="module")
def cloud(processor: tuple[Migration, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    migration, _ = processor
    document = {"schemaVersion": 1, **(migration.document or {})}
    document["defaults"] = {**document.get("defaults", {}), **QUICKLY, **KEEP_ALL}
    folder = tmp_path_factory.mktemp("cloud")
    with LocalCloud(ROOT, folder, migration.parameters, configuration=document) as cloud:
        cloud.ensure_stream(migration.parameters["StreamNames"])
        cloud.deploy()
        yield cloud


def test_only_detections_that_the_processor_reported_match(
    processor: tuple[Migration, str], cloud: LocalCloud, tmp_path: Path
) -> None:
    migration, reported = processor
    video = tmp_path / "video.mp4"
    make_scene_video(video)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    stream = migration.parameters["StreamNames"]
    stack = Stack(cloud)

    play(stream, read_video(video), Tagging(notification=True), lambda _: None, Pace(start))

    expected = len(SCENES) * SCENE_S - 1
    records = eventually(stack.results, lambda seen: len(seen) >= expected, 60)
    eventually(lambda: executions(stack), lambda seen: seen == ["SUCCEEDED"])

    shown = [(scene_of(record, start), record) for record in records]
    assert {name for name, _ in shown} - {None} == set(SCENES)
    assert {name for name, record in shown if record.matched} - {None} == {reported}
    assert all(record.matched for name, record in shown if name == reported)
    (alert,) = eventually(stack.all_alerts, bool, 60)
    assert set(alert["labels"]) == {"Person" if reported.startswith("person") else "Cat"}
    people = {name for name, record in shown if any(one.label == "Person" for one in record.detections)}
    if "Person" in migration.parameters["Labels"]:
        assert people >= {"person on the left", "person on the right"}


def test_every_record_is_kept_with_its_fragment_and_those_without_a_match_have_no_image(cloud: LocalCloud) -> None:
    stack = Stack(cloud)
    records = stack.results()
    assert {record.matched for record in records} == {True, False}
    keys = [(evidence_keys(record), record.matched) for record in records]
    expected = {key for one, _ in keys for key in (one.result, one.archive)}
    expected |= {one.annotated for one, matched in keys if matched}

    kept = eventually(lambda: set(stack.objects("EvidenceBucketName")), lambda seen: expected <= seen, 60)

    # The session's clip may have further fragments.
    more = {key.partition("/")[0] for key in kept - expected}
    assert not more & {"results", "annotated"}
    for record in records:
        assert ResultRecord.model_validate_json(stack.body(evidence_keys(record).result)) == record


def executions(stack: Stack) -> list[str]:
    """Their states."""
    machine = stack.outputs["AnalyzeRangeArn"]
    listed = stack.cloud.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [one["status"] for one in listed]


def scene_of(record: ResultRecord, start: datetime) -> str | None:
    """None near a cut."""
    at_s = (record.frame.image_timestamp - start).total_seconds()
    into_s = at_s % SCENE_S
    return None if min(into_s, SCENE_S - into_s) < CUT_S and at_s > 0 else SCENES[int(at_s // SCENE_S)]
