"""Activity becomes sessions, with one alert each, in whatever order and however often images come."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.configuration.document import Camera
from kinesight.domain.model import BoundingBox
from kinesight.domain.sessions.model import TRACKER_STATE, Hit, Observation, Session, SessionEventType, TrackerState
from kinesight.domain.sessions.tracker import SessionTracker

from tests.builders import NOON_MS

HERE = (0.4, 0.4, 0.1, 0.3)


def a_camera(*rules: dict[str, Any], **settings: Any) -> Camera:
    named = [{"name": f"rule-{index}"} | rule for index, rule in enumerate(rules or ({},))]
    plain = {"streams": ["*"], "stationary": {"enabled": False}, "sessions": {"quietSeconds": 30}}
    return Camera.model_validate(plain | {"rules": named} | settings)


def an_image(
    at_s: float,
    *rules: str,
    box: tuple[float, float, float, float] | None = HERE,
    confidence: float = 90,
    label: str = "Person",
) -> Observation:
    where = None if box is None else BoundingBox(left=box[0], top=box[1], width=box[2], height=box[3])
    hits = (Hit(label, confidence, where, rules),) if rules else ()
    return Observation(f"{round(1000 * at_s):012d}", NOON_MS + round(1000 * at_s), str(round(at_s) // 2), hits)


@dataclass
class World:
    """One stream; the activity goes through JSON between any two calls, as it does in life."""

    camera: Camera
    state: TrackerState = field(default_factory=TrackerState)
    emitted: list[tuple[SessionEventType, Session]] = field(default_factory=list)
    waits_for_silence: bool = False

    def show(self, *images: Observation, now_s: float = 0) -> None:
        tracker = self._tracker()
        tracker.add(images, NOON_MS + round(1000 * now_s))
        self._collect(tracker)

    def wait(self, now_s: float) -> None:
        tracker = self._tracker()
        tracker.pass_time(NOON_MS + round(1000 * now_s))
        self._collect(tracker)

    def _tracker(self) -> SessionTracker:
        self.state = TRACKER_STATE.validate_json(TRACKER_STATE.dump_json(self.state))
        return SessionTracker(self.state, "front-door", self.camera, waits_for_silence=self.waits_for_silence)

    def _collect(self, tracker: SessionTracker) -> None:
        self.emitted += [(event.type, event.session) for event in tracker.state.outbox]
        tracker.state.outbox = []

    def spans(self, expected_type: SessionEventType = SessionEventType.END) -> list[tuple[float, float]]:
        """Start and end, in seconds after noon, of the sessions in events of type `expected_type`."""
        return [
            ((session.started_ms - NOON_MS) / 1000, (session.last_ms - NOON_MS) / 1000)
            for event_type, session in self.emitted
            if event_type is expected_type
        ]

    def types(self) -> list[str]:
        return [str(event_type) for event_type, _ in self.emitted]


def test_a_session_opens_extends_and_ends() -> None:
    world = World(a_camera())

    for at_s in (0, 5, 20, 60):
        world.show(an_image(at_s, "rule-0"), now_s=at_s)
    world.wait(91)

    assert world.spans() == [(0, 20), (60, 60)]
    assert world.types() == ["NEW", "ALERT", "END", "NEW", "ALERT", "END"]


def test_an_image_that_came_live_and_on_demand_opens_two_sessions() -> None:
    """Under one id the one would be stored over the other."""
    live, on_demand = World(a_camera()), World(a_camera(), waits_for_silence=True)

    for world in (live, on_demand):
        world.show(an_image(0, "rule-0"))

    assert live.emitted[0][1].session_id != on_demand.emitted[0][1].session_id


def test_silence_ends_a_session_and_nothing_else_does() -> None:
    world = World(a_camera())
    world.show(an_image(0, "rule-0"), now_s=0)

    world.wait(30)
    assert world.spans() == []
    world.wait(30.1)
    world.wait(500)
    assert world.spans() == [(0, 0)]


def test_a_session_that_only_our_own_silence_ended_goes_on() -> None:
    world = World(a_camera())
    world.show(an_image(0, "rule-0"), now_s=0)
    world.wait(500)

    world.show(an_image(10, "rule-0"), now_s=510)
    world.wait(600)

    assert world.types() == ["NEW", "ALERT", "END", "END"]
    assert len({session.session_id for _, session in world.emitted}) == 1
    assert world.spans()[-1] == (0, 10)


def test_a_camera_that_never_rests_alerts_every_quarter_of_an_hour() -> None:
    world = World(a_camera())

    for at_s in range(0, 2000, 10):
        world.show(an_image(at_s, "rule-0"), now_s=at_s)

    assert world.spans() == [(0, 900), (910, 1810)]
    assert world.types().count("ALERT") == 3


def test_a_session_rises_and_then_alerts_once() -> None:
    world = World(a_camera({"class": "ACTIVITY"}, {"class": "ALERT"}))

    world.show(an_image(0, "rule-0"))
    world.show(an_image(5, "rule-0"))
    world.show(an_image(10, "rule-0", "rule-1"))
    world.show(an_image(15, "rule-1"))

    assert world.types() == ["NEW", "UPDATE", "ALERT"]
    assert [str(session.severity) for _, session in world.emitted] == ["ACTIVITY", "ALERT", "ALERT"]


def test_k_of_n_images_must_match() -> None:
    world = World(a_camera({"confirmation": {"frames": 2, "of": 3}}, sessions={"orderingSeconds": 0}))

    for at_s, rules in ((0, ("rule-0",)), (1, ()), (2, ()), (3, ("rule-0",)), (4, ()), (5, ("rule-0",))):
        world.show(an_image(at_s, *rules))

    assert world.spans(SessionEventType.NEW) == [(5, 5)]


def test_who_only_passes_by_does_not_dwell() -> None:
    world = World(a_camera({"dwellSeconds": 10}, sessions={"orderingSeconds": 0}))

    for at_s in (0, 4, 8):
        world.show(an_image(at_s, "rule-0"))
    world.show(an_image(9))
    for at_s in range(20, 34, 4):
        world.show(an_image(at_s, "rule-0"))

    assert world.spans(SessionEventType.NEW) == [(32, 32)]


def test_a_rule_rests_after_its_alert() -> None:
    world = World(a_camera({"cooldownSeconds": 300}))

    for at_s in (0, 100, 200, 299, 301):
        world.show(an_image(at_s, "rule-0"))

    assert world.spans(SessionEventType.ALERT) == [(0, 0), (301, 301)]


def test_the_best_image_has_the_highest_confidence_of_the_most_severe_rule() -> None:
    world = World(a_camera({"class": "ACTIVITY"}, {"class": "ALERT"}))

    world.show(an_image(0, "rule-0", confidence=99))
    world.show(an_image(1, "rule-1", confidence=60))
    world.show(an_image(2, "rule-1", confidence=80))
    world.wait(100)

    best = world.emitted[-1][1].best
    assert (best.at_ms - NOON_MS, best.confidence) == (2000, 80)


def test_a_late_image_joins_the_session_of_its_moment() -> None:
    world = World(a_camera())
    world.show(an_image(0, "rule-0"))
    world.show(an_image(100, "rule-0"))

    world.show(an_image(10, "rule-0", label="Dog"))
    world.show(an_image(95, "rule-0"))
    world.wait(200)

    ended = {session.session_id: session for _, session in world.emitted}
    assert sorted((one.started_ms - NOON_MS, one.last_ms - NOON_MS, one.images) for one in ended.values()) == [
        (0, 10_000, 2),
        (95_000, 100_000, 2),
    ]
    assert world.types().count("ALERT") == 2


def test_a_late_image_of_no_session_starts_one() -> None:
    world = World(a_camera())
    world.show(an_image(500, "rule-0"))

    world.show(an_image(100, "rule-0"))

    assert world.types() == ["NEW", "ALERT", "NEW", "ALERT", "END"]
    assert world.spans(SessionEventType.ALERT) == [(500, 500), (100, 100)]


def test_a_range_on_demand_is_put_in_order_when_no_more_comes() -> None:
    world = World(a_camera({"confirmation": {"frames": 2, "of": 2}}), waits_for_silence=True)
    images = [an_image(at_s, "rule-0") for at_s in range(0, 600, 5)]
    random.Random(1).shuffle(images)

    for image in images:
        world.show(image)
    assert world.emitted == []
    world.wait(60)

    assert world.spans() == [(5, 595)]


def test_more_images_than_the_buffer_holds_are_not_lost() -> None:
    world = World(a_camera({"confirmation": {"frames": 2, "of": 2}}), waits_for_silence=True)

    for at_s in range(0, 2500, 50):
        world.show(*(an_image(at_s + more, "rule-0") for more in range(50)))
    world.wait(60)

    assert len(TRACKER_STATE.dump_json(world.state)) < 400_000
    assert sum(session.images for event_type, session in world.emitted if event_type is SessionEventType.END) == 2499


@st.composite
def days(draw: st.DrawFn) -> list[Observation]:
    moments = draw(st.lists(st.integers(0, 1200), min_size=1, max_size=40, unique=True))
    return [
        an_image(
            at_s,
            *draw(st.sampled_from([(), ("rule-0",), ("rule-1",), ("rule-0", "rule-1")])),
            confidence=draw(st.integers(50, 99)),
        )
        for at_s in sorted(moments)
    ]


@given(days(), st.randoms(use_true_random=False), st.sampled_from([1, 2]))
def test_order_and_repeats_within_a_minute_change_nothing(day: list[Observation], chance: Any, frames: int) -> None:
    camera = a_camera(
        {"class": "ACTIVITY", "confirmation": {"frames": frames, "of": 3}},
        {"dwellSeconds": 5, "confirmation": {"of": 2}},
        sessions={"orderingSeconds": 60, "quietSeconds": 20},
        stationary={"enabled": True, "learnSeconds": 0},
    )
    straight, shuffled = World(camera), World(camera)
    for image in day:
        straight.show(image)
    late = [(image.at_ms + chance.uniform(0, 60_000), image) for image in day for _ in range(2)]
    for _, image in sorted(late, key=lambda pair: pair[0]):
        shuffled.show(image)
    for world in (straight, shuffled):
        world.wait(200)

    assert shuffled.emitted == straight.emitted


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_a_busy_day_has_one_alert_per_walk_and_none_for_parked_cars(seed: int) -> None:
    """Twenty-four hours, an image every five seconds: parked cars that the detector sees most of the time, not always
    at the same place, and people who walk through now and then. The second time all of it comes twice, shuffled within
    a minute, and the emitted events are the same."""
    chance = random.Random(seed)
    walks = [(3600 * hour + chance.randint(300, 3000), chance.randint(40, 120)) for hour in range(24)]
    camera = a_camera(
        {"confirmation": {"frames": 2, "of": 3}},
        sessions={"orderingSeconds": 60, "quietSeconds": 30},
        stationary={"enabled": True},
    )
    day = [_street(at_s, walks, chance) for at_s in range(0, 24 * 3600, 5)]
    late = [(image.at_ms + chance.uniform(0, 60_000), image) for image in day for _ in range(2)]
    straight, shuffled = World(camera), World(camera)
    for batch in _batches(day, chance):
        straight.show(*batch)
    for batch in _batches([image for _, image in sorted(late, key=lambda pair: pair[0])], chance):
        shuffled.show(*batch)
    for world in (straight, shuffled):
        world.wait(24 * 3600)

    alerts = straight.spans(SessionEventType.ALERT)
    assert len(alerts) == len(walks)
    for (begin, _), (start, length) in zip(alerts, sorted(walks), strict=True):
        assert start <= begin <= start + length
    assert all(set(session.labels) == {"Person"} for _, session in straight.emitted)
    assert shuffled.emitted == straight.emitted


def _batches(images: list[Observation], chance: random.Random) -> Iterator[list[Observation]]:
    """As Kinesis hands them over, some at a time."""
    at = 0
    while at < len(images):
        count = chance.randint(1, 60)
        yield images[at : at + count]
        at += count


def _street(at_s: int, walks: list[tuple[int, int]], chance: random.Random) -> Observation:
    hits = [
        Hit("Car", 90, _box(0.1 + 0.3 * lot, 0.6, 0.2, 0.15, chance), ("rule-0",))
        for lot in range(3)
        if chance.random() < 0.9
    ]
    hits += [
        Hit("Person", 90, _box(0.8 * (at_s - start) / length, 0.3, 0.08, 0.3, chance), ("rule-0",))
        for start, length in walks
        if start <= at_s <= start + length and chance.random() < 0.9
    ]
    return Observation(f"{at_s:012d}", NOON_MS + 1000 * at_s, str(at_s // 2), tuple(hits))


def _box(left: float, top: float, width: float, height: float, chance: random.Random) -> BoundingBox:
    """With a detector's tremor."""
    dx, dy = chance.gauss(0, 0.003), chance.gauss(0, 0.003)
    return BoundingBox(left=left + dx, top=top + dy, width=width, height=height)
