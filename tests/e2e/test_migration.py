"""Two stream processors, migrated: the stack that comes out reports what the processors would have reported."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from kinesight.domain.model import ResultRecord
from kinesight_cli import rules_documents
from kinesight_cli.fragmenting import read_video
from kinesight_cli.migration import Migration
from kinesight_cli.migration_rekognition import migrate_rekognition
from kinesight_cli.producing import Pace, Tagging, play
from kinesight_local.cloud import LocalCloud
from numpy.typing import NDArray

from tests.e2e.conftest import ROOT
from tests.e2e.test_event_driven_path import Stack, eventually
from tests.processors import HOME_WITH_PETS, HOME_WITH_REGIONS

Picture = NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 640, 360, 10
SCENE_S = 4
SCENES = ("nothing", "person on the left", "person on the right", "cat")
QUICKLY = {"NotificationQuietSeconds": "2", "NotificationPreRollSeconds": "0", "NotificationPostRollSeconds": "0"}
"""Waiting is all that is changed of what was migrated."""

CUT_S = 0.5
"""This near to a change of scene it is no matter which of the two is shown."""


def scene(name: str) -> Picture:
    picture = np.full((HEIGHT, WIDTH, 3), 185, np.uint8)
    if name.startswith("person"):
        draw_person(picture, 122 if name.endswith("left") else 515)
    if name == "cat":
        draw_cat(picture)
    return picture


def draw_person(picture: Picture, middle: int) -> None:
    """A silhouette that stands in the lower half; what a detector of walking people goes by is the outline."""
    high, top = 200, 145
    outline = [(-0.13, 0.2), (-0.05, 0.155), (0.05, 0.155), (0.13, 0.2), (0.15, 0.5), (0.1, 0.5), (0.11, 1)]
    outline += [(0.03, 1), (0, 0.6), (-0.03, 1), (-0.11, 1), (-0.1, 0.5), (-0.15, 0.5)]
    corners = np.array([(middle + x * high, top + y * high) for x, y in outline], np.int32)
    dark = (60, 50, 40)
    cv2.fillPoly(picture, [corners], dark, cv2.LINE_AA)
    head = (middle, int(top + 0.08 * high))
    cv2.ellipse(picture, head, (int(0.055 * high), int(0.08 * high)), 0, 0, 360, dark, -1, cv2.LINE_AA)
    cv2.GaussianBlur(picture, (5, 5), 0, dst=picture)


def draw_cat(picture: Picture) -> None:
    """A face that looks straight at the camera: ears, eyes, nose, mouth. Lengths are in pixels, as its shape is."""
    x, y = 320, 210
    fur, dark = (150, 150, 150), (60, 60, 60)
    for side in (-1, 1):
        for corners, colour in (
            (((63, -24), (57, -87), (14, -56)), fur),
            (((55, -38), (52, -75), (27, -52)), (100, 100, 100)),
        ):
            ear = np.array([[x + side * across, y + down] for across, down in corners], np.int32)
            cv2.fillPoly(picture, [ear], colour, cv2.LINE_AA)
    cv2.ellipse(picture, (x, y), (70, 56), 0, 0, 360, fur, -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = (x + 29 * side, y - 3)
        cv2.ellipse(picture, eye, (14, 9), 0, 0, 360, (100, 100, 100), -1, cv2.LINE_AA)
        cv2.ellipse(picture, eye, (6, 9), 0, 0, 360, (20, 20, 20), -1, cv2.LINE_AA)
        cv2.ellipse(picture, (x + 10 * side, y + 35), (9, 8), 0, 0, 180, dark, 3, cv2.LINE_AA)
    nose = np.array([[x - 8, y + 22], [x + 8, y + 22], [x, y + 31]], np.int32)
    cv2.fillPoly(picture, [nose], dark, cv2.LINE_AA)
    cv2.ellipse(picture, (x, y + 35), (24, 19), 0, 0, 360, (190, 190, 190), 2, cv2.LINE_AA)
    cv2.GaussianBlur(picture, (5, 5), 0, dst=picture)


def make_film(path: Path) -> None:
    """Every scene for some seconds, each beginning with a keyframe."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "bf": "0", "crf": "16"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 2 * FPS
        stream.codec_context.time_base = Fraction(1, FPS)
        for index in range(len(SCENES) * SCENE_S * FPS):
            frame = av.VideoFrame.from_ndarray(scene(SCENES[index // (SCENE_S * FPS)]), format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def without_key(described: dict[str, Any]) -> dict[str, Any]:
    """The local cloud has no customer's key."""
    return {name: value for name, value in described.items() if name != "KmsKeyId"}


@pytest.fixture(
    scope="module",
    params=[(HOME_WITH_REGIONS, "person on the right"), (HOME_WITH_PETS, "cat")],
    ids=["people in a region", "pets"],
)
def processor(request: pytest.FixtureRequest) -> tuple[Migration, str]:
    """What came of a processor, and the scene that it would have reported."""
    described, reported = request.param
    return migrate_rekognition(json.dumps(without_key(described))), reported


@pytest.fixture(scope="module")
def cloud(processor: tuple[Migration, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    migration, _ = processor
    cloud = LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), {**migration.parameters, **QUICKLY})
    cloud.start_services()
    try:
        cloud.ensure_stream(migration.parameters["StreamNames"])
        cloud.deploy()
        if migration.rules is not None:
            rules_documents.put("kinesight", json.dumps(migration.rules))
        yield cloud
    finally:
        cloud.stop()


def test_what_the_processor_reported_matches_and_nothing_else(
    processor: tuple[Migration, str], cloud: LocalCloud, tmp_path: Path
) -> None:
    migration, reported = processor
    film = tmp_path / "film.mp4"
    make_film(film)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    stream = migration.parameters["StreamNames"]
    stack = Stack(cloud)

    play(stream, read_video(film), Tagging(notification=True), lambda _: None, Pace(start))

    wanted = len(SCENES) * SCENE_S - 1
    records = eventually(stack.results, lambda seen: len(seen) >= wanted, 60)
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
