"""Records of other producers and stored documents that cannot be read concern their own camera alone."""

import json
import math
from typing import Any

import pytest
from kinesight.domain.analysis.result_records import encode_record
from kinesight.domain.errors import DeliveryError, UnreadableStateError
from kinesight.domain.ports import Versioned
from kinesight.domain.sessions.model import TRACKER_STATE

from tests.unit.sessions.test_track_sessions import World, an_image


def a_record_with(change: dict[str, Any]) -> bytes:
    document = json.loads(encode_record(an_image(0)))
    for name, value in change.items():
        document[name] = {**document.get(name, {}), **value} if isinstance(value, dict) else value
    return json.dumps(document).encode()


BOX = {"left": math.inf, "top": 0, "width": math.inf, "height": 1}
FOREIGN: dict[str, Any] = {
    "a stream name with a blank": {"frame": {"streamName": "front door"}},
    "a stream name of another state": {"frame": {"streamName": "front-door|on-demand"}},
    "a confidence that is NaN": {"detections": [{"label": "Person", "confidence": math.nan}]},
    "a box without end": {"detections": [{"label": "Person", "confidence": 99, "boundingBox": BOX}]},
    "a moment before 1970": {"frame": {"imageTimestamp": "0001-01-01T00:00:00+14:00"}},
    "a source of a later version": {"frame": {"source": "satellite"}},
    "a fragment number of letters": {"frame": {"fragmentNumber": "x"}},
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=list(FOREIGN))
def test_an_invalid_record_is_dead_lettered_alone_with_its_reason(change: dict[str, Any]) -> None:
    world = World()
    body = a_record_with(change)

    report = world.track(an_image(0), body, an_image(1, stream_name="garden"))

    assert (report.failed_item_ids, len(report.dead_lettered), len(world.alerts.sent)) == ([], 1, 2)
    ((sent, error),) = world.dead_letters.sent
    assert sent == body.decode()
    assert str(error).startswith("not a result record: ")
    assert len(str(error)) < 400
    assert not world.wait(60).retried


def test_unknown_fields_are_skipped() -> None:
    world = World()

    report = world.track(a_record_with({"newField": {"deep": [1]}}))

    assert (report.dead_lettered, len(world.alerts.sent)) == ([], 1)


def an_unreadable(change: str, readable: str) -> str:
    state = json.loads(readable)
    match change:
        case "an event type of a later version":
            state["outbox"] = [{"type": "PAUSE", "session": state["timelines"][0]["open"]}]
        case "a field of another type":
            state["timelines"][0]["processed_until_ms"] = {"later": 1}
        case "cut":
            return readable[:100]
        case "deep":
            return "[" * 100_000
        case "empty":
            return ""
        case _:
            return '{"timelines": [1]}'
    return json.dumps(state)


UNREADABLE = ("an event type of a later version", "a field of another type", "cut", "deep", "empty", "other")


@pytest.mark.parametrize("change", UNREADABLE)
def test_a_state_that_cannot_be_read_begins_afresh_and_leaves_the_other_cameras_alone(change: str) -> None:
    world = World()
    world.track(an_image(0), an_image(0, stream_name="garden"))
    found = world.activities.documents["front-door"]
    body = an_unreadable(change, found.body or "")
    world.activities.documents["front-door"] = Versioned(found.version, body)

    report = world.wait(60)

    assert [one.session.stream_name for one in report.deliveries if one.type == "END"] == ["garden"]
    assert [(one.subject, type(one.error)) for one in report.dead_lettered] == [("front-door", UnreadableStateError)]
    assert [(sent, str(error)[:20]) for sent, error in world.dead_letters.sent] == [(body, "sessions begin afres")]
    assert report.retried == []
    assert not world.wait(120).dead_lettered

    world.track(an_image(120))
    assert [one.body["streamName"] for one in world.alerts.sent] == ["front-door", "garden", "front-door"]


def test_a_record_of_the_camera_begins_afresh_too() -> None:
    world = World()
    world.activities.documents["front-door"] = Versioned(7, "{}}")

    report = world.track(an_image(0), an_image(0, stream_name="garden"))

    assert (len(world.alerts.sent), report.failed_item_ids) == (2, [])
    assert [one.subject for one in report.dead_lettered] == ["front-door"]
    TRACKER_STATE.validate_json(world.activities.documents["front-door"].body or "")


def test_an_unreadable_state_is_kept_until_it_is_in_the_dead_letter_queue() -> None:
    world = World()
    world.activities.documents["front-door"] = Versioned(7, "{}}")
    world.dead_letters.failure = DeliveryError("SQS is down")

    report = world.wait(60)
    assert [one.subject for one in report.retried] == ["front-door"]
    assert world.activities.documents["front-door"] == Versioned(7, "{}}")

    world.dead_letters.failure = None
    assert [one.subject for one in world.wait(120).dead_lettered] == ["front-door"]


def test_an_unforeseen_error_of_one_camera_fails_that_camera_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.track(an_image(0), an_image(0, stream_name="garden"))
    load = world.activities.load

    def failing(key: str) -> Versioned:
        if key == "front-door":
            raise ZeroDivisionError("defect")
        return load(key)

    monkeypatch.setattr(world.activities, "load", failing)

    waited, tracked = world.wait(60), world.track(an_image(61), an_image(61, stream_name="garden"))

    assert [(one.subject, repr(one.error)) for one in waited.retried] == [
        ("front-door", "UnexpectedError('ZeroDivisionError: defect')")
    ]
    assert [one.session.stream_name for one in waited.deliveries if one.type == "END"] == ["garden"]
    assert tracked.failed_item_ids == []
    assert [(one.item_id, one.subject) for one in tracked.dead_lettered] == [("s0", "front-door")]
