"""Alerts for consumers of label detection stream processors."""

import json
from dataclasses import replace
from typing import Any

import pytest
from kinesight.domain.model import BoundingBox
from kinesight.domain.sessions.alerts import alert_of
from kinesight.domain.sessions.model import BestImage, ImageClocks, Session, Severity
from kinesight.domain.sessions.rekognition_alerts import rekognition_alert

from tests.builders import NOON_MS
from tests.unit.sessions.test_track_sessions import World, an_image

ARN = "arn:aws:kinesisvideo:us-east-1:111122223333:stream/front-door/1700000000000"
BOX = BoundingBox(left=0.1, top=0.2, width=0.3, height=0.4)
BEST = BestImage("r" * 32, NOON_MS + 750, "123", "Person", 97.5, Severity.ALERT, {"Person": BOX})
SESSION = Session(
    "s" * 32, "front-door", Severity.ALERT, NOON_MS, NOON_MS, NOON_MS, 1, {"Person": 97.5}, ("default",), (), BEST
)


def link(key: str) -> str:
    return f"https://evidence/{key}"


def body_of(session: Session) -> Any:
    return json.loads(json.dumps(rekognition_alert(session, link, bucket="evidence").body))


def test_it_is_the_documented_notification() -> None:
    clocks = ImageClocks(NOON_MS, NOON_MS + 500)
    session = replace(SESSION, stream_arn=ARN, best=replace(BEST, clocks=clocks))

    assert body_of(session) == {
        "inputInformation": {"kinesisVideo": {"streamArn": ARN}},
        "eventNamespace": {"type": "LABEL_DETECTED"},
        "labels": [
            {
                "id": "s" * 32 + "-PERSON",
                "confidence": 97.5,
                "name": "PERSON",
                "frameImageUri": "s3://evidence/" + alert_of(session, link).body["keys"]["image"],
                "videoMapping": {
                    "kinesisVideoMapping": {
                        "fragmentNumber": "123",
                        "serverTimestamp": NOON_MS + 500,
                        "producerTimestamp": NOON_MS,
                        "frameOffsetMillis": 750,
                    }
                },
                "boundingBox": {"left": 0.1, "top": 0.2, "height": 0.4, "width": 0.3},
            }
        ],
        "eventId": "r" * 32,
        "tags": {},
        "sessionId": "s" * 32,
        "startStreamProcessorRequest": {},
    }


def test_people_get_the_text_they_always_get() -> None:
    ours, theirs = alert_of(SESSION, link), rekognition_alert(SESSION, link, bucket="evidence")

    assert (theirs.subject, theirs.text) == ("Rekognition Stream Processing Event", ours.text)
    assert theirs.attributes == ours.attributes


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ({"Dog": 80, "Pet": 90, "Cat": 70}, {"PET": 90}),
        ({"person": 80, "Woman": 75, "Package": 60}, {"PERSON": 80, "PACKAGE": 60}),
        ({"Fire Truck": 80}, {"FIRE TRUCK": 80}),
    ],
)
def test_names_are_rekognitions_where_it_has_one(labels: dict[str, float], names: dict[str, float]) -> None:
    found = body_of(replace(SESSION, labels=labels))["labels"]

    assert {one["name"]: one["confidence"] for one in found} == names


def test_a_label_without_a_box_in_the_best_image_has_none() -> None:
    person, truck = body_of(replace(SESSION, labels={"Person": 97.5, "Truck": 80}))["labels"]

    assert "boundingBox" in person
    assert "boundingBox" not in truck


def test_without_time_stamps_the_images_own_counts() -> None:
    (label,) = body_of(SESSION)["labels"]

    assert label["videoMapping"]["kinesisVideoMapping"] == {
        "fragmentNumber": "123",
        "serverTimestamp": None,
        "producerTimestamp": NOON_MS + 750,
        "frameOffsetMillis": 0,
    }


def test_what_it_needs_of_the_records_reaches_the_session() -> None:
    world = World()

    world.track(an_image(0, stream_arn=None), an_image(1, stream_arn=ARN))
    world.wait(60)

    session = world.sessions.stored[next(iter(world.sessions.stored))]
    assert session.stream_arn == ARN
    assert session.best.clocks == ImageClocks(NOON_MS, NOON_MS + 500)
    assert session.best.boxes == {"Person": BoundingBox(left=0.25, top=0.25, width=0.5, height=0.5)}
