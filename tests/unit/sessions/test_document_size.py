"""The stored state of a stream stays below the size of an item of DynamoDB, whatever its images show."""

import random
import zlib

import pytest
from kinesight.domain.configuration.camera import Rule
from kinesight.domain.errors import DeliveryError
from kinesight.domain.model import BoundingBox, FrameSource, ResultRecord, from_epoch_ms
from kinesight.domain.sessions.merging import joined, session_of_frame
from kinesight.domain.sessions.model import UNDELIVERED_EVENT, Hit, Observation
from kinesight.domain.sessions.track_sessions import redeliver

from tests.builders import NOON_MS, a_detection, a_fragment_number, a_frame, a_record
from tests.fakes import FakeDocuments
from tests.unit.sessions.test_track_sessions import World

ITEM_BYTES = 400_000
SEED = random.Random(19)


class Table(FakeDocuments):
    """Refuses what DynamoDB would refuse, compressed as DynamoDbDocuments does."""

    def save(self, key: str, body: str, seen_version: int) -> bool:
        stored = body.encode() if len(body) < 50_000 else zlib.compress(body.encode())
        assert len(stored) + 500 < ITEM_BYTES
        return super().save(key, body, seen_version)


def a_box() -> BoundingBox:
    return BoundingBox(left=SEED.random(), top=SEED.random(), width=SEED.random(), height=SEED.random())


def an_image(at_ms: int, boxes: int, source: FrameSource) -> ResultRecord:
    detections = tuple(
        a_detection(label="Person", confidence=80 + 20 * SEED.random(), bounding_box=a_box()) for _ in range(boxes)
    )
    number = a_fragment_number(at_ms % 10**6, NOON_MS + at_ms)
    moment = from_epoch_ms(NOON_MS + at_ms)
    frame = a_frame(
        source=source, image_timestamp=moment, producer_timestamp=moment, server_timestamp=None, fragment_number=number
    )
    return a_record(frame, detections=detections)


@pytest.mark.parametrize(
    ("source", "every_ms", "count"),
    [
        (FrameSource.IMAGE_GENERATION, 1000, 1000),
        (FrameSource.ON_DEMAND, 1000, 1000),
        (FrameSource.ON_DEMAND, 7_200_000, 500),
    ],
)
def test_a_thousand_images_with_ten_boxes_become_sessions(source: FrameSource, every_ms: int, count: int) -> None:
    world = World(activities=Table())
    images = [an_image(index * every_ms, 10, source) for index in range(count)]
    for start in (0, 500):
        assert world.track(*images[start : start + 500]).failed_item_ids == []
    for minute in range(1, 20):
        assert world.wait(60 * minute).retried == []

    sessions = world.sessions.stored.values()
    assert sum(one.images for one in sessions) == count
    assert all(one.closed for one in sessions)
    assert len(world.alerts.sent) == len(sessions)


def test_a_session_with_many_labels_has_the_most_confident_hundred() -> None:
    hits = tuple(Hit(f"label {number}", number / 10, a_box(), ("any",)) for number in range(300))
    rule = Rule.model_validate({"name": "any"})

    one = session_of_frame("cam", Observation("id", NOON_MS, None, hits), [rule], "")
    both = joined(one, session_of_frame("cam", Observation("2", NOON_MS, None, hits[:150]), [rule], ""))

    newest = {f"label {number}" for number in range(200, 300)}
    assert one.labels.keys() == both.labels.keys() == one.best.boxes.keys() == newest
    assert one.best.label == "label 299"


def test_changes_that_wait_for_long_are_dead_lettered_and_can_be_delivered_later() -> None:
    world = World(activities=Table())
    world.sessions.failing = lambda _: DeliveryError("the bus is down")
    for index in range(160):
        world.track(an_image(index * 7_200_000, 3, FrameSource.IMAGE_GENERATION))

    assert world.dead_letters.sent
    assert all("the bus is down" in str(error) for _, error in world.dead_letters.sent)
    world.sessions.failing = lambda _: None
    for body, _ in world.dead_letters.sent:
        redeliver(UNDELIVERED_EVENT.validate_json(body), world.ports())
    world.wait(10**8)

    news = [session_id for kind, session_id in world.sessions.events if kind == "NEW"]
    assert len(set(news)) == 160
