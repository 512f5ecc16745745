"""A camera's clock that is wrong, or set, costs no alert and makes none twice."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.model import BoundingBox
from kinesight.domain.sessions.model import TRACKER_STATE, Hit, Observation, SessionEventType

from tests.builders import NOON_MS
from tests.unit.sessions.test_tracker import World, a_camera

WALKS = Path(__file__).resolve().parents[2] / "field_cases" / "01-clock-set-back" / "walks.json"
HOUR_S = 3600
YEAR_5138_S = (100_000_000_000_000 - NOON_MS) // 1000
TWO_OF_THREE = {"confirmation": {"frames": 2, "of": 3}}
DWELLS = {"dwellSeconds": 4}
BOX = BoundingBox(left=0.4, top=0.4, width=0.1, height=0.3)


def an_image(
    at_s: float, *, by_kvs_s: float | None = None, rules: tuple[str, ...] = ("rule-0",), result: str = ""
) -> Observation:
    """By the camera's clock, in seconds after noon; `by_kvs_s` by KVS's."""
    hits = tuple(Hit("Person", 90, BOX, (rule,)) for rule in rules)
    ahead_ms = None if by_kvs_s is None else round(1000 * (at_s - by_kvs_s))
    return Observation(f"{at_s:.3f} {by_kvs_s} {result}", NOON_MS + round(1000 * at_s), "1", hits, ahead_ms=ahead_ms)


def walk(begin_s: float, *, ahead_s: float = 0, known: bool = True) -> list[tuple[float, Observation]]:
    """Five images, two seconds apart, with the seconds at which they arrive. `known`: KVS's clock is."""
    return [
        (at_s, an_image(at_s + ahead_s, by_kvs_s=at_s if known else None, result=str(at_s)))
        for at_s in (begin_s + 2 * n for n in range(5))
    ]


def alerts_of(world: World, images: Iterable[tuple[float, Observation]]) -> int:
    """Has the images arrive, with the minute tick between them."""
    tick_s = 0.0
    for now_s, image in images:
        while now_s - tick_s >= 60:
            tick_s += 60 * max(1, (now_s - tick_s) // 60 - 3)
            world.wait(tick_s)
        world.show(image, now_s=now_s)
    world.wait(tick_s + 600)
    return world.types().count("ALERT")


def a_world(rule: dict[str, Any]) -> World:
    return World(a_camera(rule))


def test_ten_walks_by_a_fast_clock_and_ten_by_the_right_one_are_twenty_alerts() -> None:
    case = json.loads(WALKS.read_text())
    rule = case["rule"]
    world = World(a_camera(rule))
    hit = (Hit("Person", 90, BOX, (rule["name"],)),)

    images = [
        ((one["cameMs"] - NOON_MS) / 1000, Observation(str(one["atMs"]), one["atMs"], "1", hit))
        for one in case["images"]
    ]

    assert alerts_of(world, images) == 20


@pytest.mark.parametrize("known", [True, False], ids=["KVS's clock known", "unknown"])
@pytest.mark.parametrize("rule", [{}, TWO_OF_THREE, DWELLS], ids=["one image", "2 of 3", "dwell"])
def test_one_image_of_a_distant_year_silences_nothing(rule: dict[str, Any], known: bool) -> None:
    """Walks on 30 days after an image of the year 5138, at night."""
    night = (10.0, an_image(YEAR_5138_S, by_kvs_s=10 if known else None, rules=()))
    days = [one for day in range(1, 31) for one in walk(24 * HOUR_S * day, known=known)]

    assert alerts_of(a_world(rule), [night, *days]) == 30


@pytest.mark.parametrize("off_s", [YEAR_5138_S, 12 * HOUR_S, -12 * HOUR_S, -NOON_MS // 1000])
@pytest.mark.parametrize("rule", [{}, TWO_OF_THREE, DWELLS], ids=["one image", "2 of 3", "dwell"])
def test_an_image_of_another_time_amid_a_walk_is_part_of_it(rule: dict[str, Any], off_s: float) -> None:
    images = []
    for begin_s in range(0, 10 * HOUR_S, HOUR_S):
        one = walk(begin_s)
        one.insert(3, (begin_s + 5, an_image(begin_s + 5 + off_s, by_kvs_s=begin_s + 5)))
        images += one

    assert alerts_of(a_world(rule), images) == 10


@pytest.mark.parametrize("known", [True, False], ids=["KVS's clock known", "unknown"])
@pytest.mark.parametrize("rule", [{}, TWO_OF_THREE, DWELLS], ids=["one image", "2 of 3", "dwell"])
@pytest.mark.parametrize("ahead_s", [12 * HOUR_S, HOUR_S, -HOUR_S, -NOON_MS // 1000 + 60])
def test_a_clock_that_is_corrected_costs_no_alert(ahead_s: float, rule: dict[str, Any], known: bool) -> None:
    wrong = [one for n in range(12) for one in walk(HOUR_S * n, ahead_s=ahead_s, known=known)]
    # Without KVS's clock, the same time shown again within a quarter of an hour is the same as a late frame.
    right = [one for n in range(12, 24) for one in walk(HOUR_S * n + 1800, known=known)]

    assert alerts_of(a_world(rule), wrong + right) == 24


@pytest.mark.parametrize("rule", [{}, TWO_OF_THREE, DWELLS], ids=["one image", "2 of 3", "dwell"])
def test_a_clock_that_is_set_back_by_minutes_costs_no_alert(rule: dict[str, Any]) -> None:
    """Where KVS's clock is known. Without it, ten minutes late and ten minutes set back are the same."""
    images = walk(0, ahead_s=600) + [one for n in range(1, 6) for one in walk(120 * n)]

    assert alerts_of(a_world(rule), images) == 6


def test_a_clock_that_is_set_during_a_walk_makes_no_second_alert() -> None:
    images = [(at_s, an_image(at_s + (HOUR_S if at_s < 60 else 0), by_kvs_s=at_s)) for at_s in range(0, 120, 2)]

    assert alerts_of(a_world(TWO_OF_THREE), images) == 1


def test_frames_by_two_clocks_at_once_are_two_timelines() -> None:
    images = [one for at_s in range(0, 100, 2) for one in ((at_s, an_image(at_s)), (at_s, an_image(at_s + 5 * HOUR_S)))]
    world = a_world(TWO_OF_THREE)

    assert alerts_of(world, images) == 1
    assert len(world.state.timelines) == 2
    assert {end for _, end in world.spans()} == {98, 5 * HOUR_S + 98}


def test_frames_of_an_hour_ago_by_the_same_clock_are_late() -> None:
    world = a_world(TWO_OF_THREE)
    late = [(HOUR_S, image) for _, image in walk(0)]

    assert alerts_of(world, [*walk(HOUR_S - 60), *late]) == 1
    assert len(world.state.timelines) == 1


def test_what_waited_during_an_outage_arrives_in_order() -> None:
    """Three hours of walks arrive within a minute, after a silence of three hours."""
    waited = [(4 * HOUR_S + n, image) for n in range(3) for _, image in walk(HOUR_S * (1 + n))]
    world = a_world(TWO_OF_THREE)

    assert alerts_of(world, [*walk(0), *waited, *walk(4 * HOUR_S + 600)]) == 5
    assert len(world.state.timelines) == 1


@pytest.mark.parametrize("late_s", [0, 180])
def test_a_parked_car_raises_no_alert_however_late_its_images_are(late_s: int) -> None:
    world = World(a_camera({}, stationary={"enabled": True}))
    images = [(at_s, an_image(at_s, by_kvs_s=at_s, rules=())) for at_s in range(0, 3600, 10)]
    parked = [(at_s + late_s, an_image(at_s + 0.5, by_kvs_s=at_s)) for at_s in range(0, 3400, 20)]

    assert alerts_of(world, sorted(images + parked, key=lambda one: one[0])) == 0


@pytest.mark.parametrize("late_s", [0, 180])
def test_a_rule_rests_after_its_alert_however_late_images_are(late_s: int) -> None:
    world = World(a_camera({"cooldownSeconds": HOUR_S}))
    empty = [(at_s, an_image(at_s, by_kvs_s=at_s, rules=())) for at_s in range(0, 2 * HOUR_S, 10)]
    walks = [(now_s + late_s, image) for n in range(8) for now_s, image in walk(600 * n + 0.5)]

    assert alerts_of(world, sorted(empty + walks, key=lambda one: one[0])) == 2


def test_a_rule_rests_also_if_the_clock_is_set() -> None:
    world = World(a_camera({"cooldownSeconds": HOUR_S}))
    images = [one for n in range(6) for one in walk(600 * n, ahead_s=-10 * HOUR_S * n)]

    assert alerts_of(world, images) == 1


@pytest.mark.parametrize("rule", [{}, TWO_OF_THREE])
@pytest.mark.parametrize("again_s", [420, 900])
def test_a_record_that_arrives_again_minutes_later_changes_nothing(rule: dict[str, Any], again_s: int) -> None:
    world = a_world(rule)
    images = [(at_s, an_image(at_s, by_kvs_s=at_s, rules=())) for at_s in range(0, 1000, 2) if not 10 < at_s < 20]
    walked = walk(10.5)
    again = [(now_s + again_s, image) for now_s, image in walked]

    assert alerts_of(world, sorted([*images, *walked, *again], key=lambda one: one[0])) == 1
    (ended,) = [session for event_type, session in world.emitted if event_type is SessionEventType.END]
    assert ended.images == 5 - (rule is TWO_OF_THREE)


def test_a_record_that_arrives_again_after_hours_makes_no_second_session() -> None:
    world = a_world({})
    images = [(at_s, an_image(at_s, by_kvs_s=at_s)) for at_s in range(1500)]
    again = [(at_s, an_image(at_s - 1500, by_kvs_s=at_s - 1500)) for at_s in range(1500, 1550)]
    alone, twice = a_world({}), world

    assert alerts_of(alone, images) == alerts_of(twice, images + again)


@pytest.mark.parametrize("size", [200, 500])
def test_a_batch_that_is_delivered_ten_times_counts_once(size: int) -> None:
    world = a_world({})
    batch = [an_image(at_s, by_kvs_s=at_s) for at_s in range(size)]

    for again in range(10):
        world.show(*batch, now_s=size + 60 * again)
    world.wait(size + 6000)

    sessions = {one.session_id: one for event_type, one in world.emitted if event_type is SessionEventType.END}
    assert sum(one.images for one in sessions.values()) == size


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_a_clock_that_jumps_at_random_never_grows_the_state(seed: int) -> None:
    chance = random.Random(seed)
    world = a_world(TWO_OF_THREE)
    for now_s in range(0, 200, 2):
        off_s = chance.choice([0, 0, 0, chance.uniform(-NOON_MS / 1000, YEAR_5138_S)])
        known_s = now_s if chance.random() < 0.5 else None
        world.show(an_image(max(-NOON_MS / 1000, now_s + off_s), by_kvs_s=known_s), now_s=now_s)
    assert len(world.state.timelines) <= 4
    assert len(TRACKER_STATE.dump_json(world.state)) < 100_000

    world.wait(200 + 600)
    opened = {one.session_id for kind, one in world.emitted if kind is SessionEventType.NEW}
    ended = {one.session_id for kind, one in world.emitted if kind is SessionEventType.END}
    assert opened == ended
