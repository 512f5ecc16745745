"""Cameras, their zones, and runs over their past, in a browser."""

from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
from kinesight_cli.shared.play_video import Tagging
from playwright.sync_api import expect

from tests.viewer.test_events import LOADED
from tests.viewer.visitor import DESKTOP, PHONE, Visitor
from tests.viewer.world import DOOR, PORCH, RULES, YARD, World, seeing

ANALYSIS_MS = 90_000
LEFT_HALF = [(0.02, 0.02), (0.48, 0.02), (0.48, 0.98), (0.02, 0.98)]


def test_a_camera_shows_its_image_and_how_it_is(visitor: Visitor, visit: Any) -> None:
    visitor.go("/cameras")
    card = visitor.cards.filter(has=visitor.page.get_by_role("heading", name=DOOR))

    image = card.get_by_role("img", name=f"{DOOR}, a recent image")
    expect(image).to_be_visible()
    visitor.page.wait_for_function(LOADED, arg=image.element_handle())
    expect(card.get_by_text("Healthy")).to_be_visible()
    visitor.touch(card.get_by_role("link", name="Sessions"))
    expect(visitor.page.get_by_role("heading", name="Sessions")).to_be_visible()
    assert f"stream={DOOR}" in visitor.page.url


def test_a_camera_that_was_set_up_by_hand_needs_attention(
    visiting: Callable[..., Visitor], world: World, visit: Any
) -> None:
    control = world.cloud.client("kinesisvideo")
    wanted = control.describe_image_generation_configuration(StreamName=YARD)["ImageGenerationConfiguration"]
    control.update_image_generation_configuration(
        StreamName=YARD, ImageGenerationConfiguration=wanted | {"SamplingInterval": 5000}
    )

    visitor = visiting(DESKTOP, "/cameras")
    card = visitor.cards.filter(has=visitor.page.get_by_role("heading", name=YARD))

    expect(card.get_by_text("Needs attention")).to_be_visible()
    expect(card.get_by_text("SamplingInterval").first).to_be_visible()
    control.update_image_generation_configuration(StreamName=YARD, ImageGenerationConfiguration=wanted)


@pytest.fixture
def own_rules(world: World) -> Any:
    world.set_rules(RULES)
    return world


def test_a_zone_is_drawn_and_the_next_event_carries_it(visiting: Callable[..., Visitor], own_rules: World) -> None:
    # What a camera films without asking for images is no event, but there to draw on.
    own_rules.roll(PORCH, Tagging())
    visitor = visiting(DESKTOP, f"/cameras/{PORCH}/zones")
    _draw(visitor, "left half")
    visitor.page.get_by_label("only in left half").check()
    visitor.press("Save")
    expect(visitor.page.get_by_text("Saved.")).to_be_visible()

    document = own_rules.rules()
    mine, others = document["cameras"]
    (zone,) = mine["zones"]
    assert (mine["streams"], zone["name"], others) == ([PORCH], "left half", RULES["cameras"][0])  # type: ignore[index]
    assert [pytest.approx(corner, abs=0.01) for corner in LEFT_HALF] == zone["polygon"]
    assert mine["rules"][0]["zones"] == ["left half"]
    own_rules.forget_rules()
    assert own_rules.shoot(PORCH, "Person")["zones"] == ["left half"]


def _draw(visitor: Visitor, name: str) -> None:
    canvas = visitor.page.locator(".canvas")
    expect(canvas.get_by_role("img")).to_be_visible()
    visitor.press("Draw a zone")
    for across, down in LEFT_HALF:
        visitor.at(canvas, across, down)
    visitor.press("Finish")
    field = visitor.page.get_by_label("Name", exact=True).last
    field.fill(name)
    field.press("Tab")


def test_a_zone_is_drawn_with_a_finger(visiting: Callable[..., Visitor], own_rules: World, visit: Any) -> None:
    visitor = visiting(PHONE, f"/cameras/{DOOR}/zones")
    expect(visitor.page.get_by_role("button", name="Draw a zone")).to_be_visible()

    _draw(visitor, "left half")
    visitor.press("Save")
    expect(visitor.page.get_by_text("Saved.")).to_be_visible()

    assert own_rules.rules()["cameras"][0]["zones"][0]["name"] == "left half"


def test_a_zone_is_drawn_without_a_pointer(visiting: Callable[..., Visitor], own_rules: World) -> None:
    visitor = visiting(DESKTOP, f"/cameras/{DOOR}/zones")
    keyboard = visitor.page.keyboard
    visitor.page.get_by_role("button", name="Draw a zone").focus()
    keyboard.press("Enter")
    for moves in (["ArrowLeft"], ["ArrowRight", "Shift+ArrowDown"], ["ArrowDown"], ["Delete"]):
        visitor.page.get_by_role("button", name="Add a corner").focus()
        keyboard.press("Enter")
        for one in moves:
            keyboard.press(one)
    visitor.page.get_by_role("button", name="Finish").focus()
    keyboard.press("Enter")
    visitor.page.get_by_role("button", name="Save").focus()
    keyboard.press("Enter")
    expect(visitor.page.get_by_text("Saved.")).to_be_visible()

    (zone,) = own_rules.rules()["cameras"][0]["zones"]
    assert (zone["name"], len(zone["polygon"])) == ("zone 1", 3)
    assert zone["polygon"][0] == [0.39, 0.4]


def test_a_corner_is_dragged(visiting: Callable[..., Visitor], own_rules: World, visit: Any) -> None:
    visitor = visiting(DESKTOP, f"/cameras/{DOOR}/zones")
    _draw(visitor, "left half")
    canvas = visitor.page.locator(".canvas").bounding_box()
    assert canvas is not None
    corner = visitor.page.get_by_role("button", name="Corner 1 of 4")

    corner.hover()
    visitor.page.mouse.down()
    visitor.page.mouse.move(canvas["x"] + 0.25 * canvas["width"], canvas["y"] + 0.25 * canvas["height"], steps=5)
    visitor.page.mouse.up()
    visitor.press("Save")
    expect(visitor.page.get_by_text("Saved.")).to_be_visible()

    assert own_rules.rules()["cameras"][0]["zones"][0]["polygon"][0] == pytest.approx([0.25, 0.25], abs=0.01)


def test_what_is_not_saved_is_not_lost_by_a_click(
    visiting: Callable[..., Visitor], own_rules: World, visit: Any
) -> None:
    visitor = visiting(DESKTOP, f"/cameras/{DOOR}/zones")
    _draw(visitor, "left half")
    away = visitor.page.get_by_role("link", name="← Cameras")

    visitor.answers = [False, True]
    away.click()
    expect(visitor.page.get_by_label("Name", exact=True)).to_have_value("left half")
    assert visitor.page.url.endswith(f"#/cameras/{DOOR}/zones")

    away.click()
    expect(visitor.page.get_by_role("heading", name="Cameras", exact=True)).to_be_visible()
    assert visitor.answers == []


def test_what_is_wrong_with_zones_is_said(visiting: Callable[..., Visitor], own_rules: World, visit: Any) -> None:
    visitor = visiting(DESKTOP, f"/cameras/{DOOR}/zones")
    for _ in range(2):
        _draw(visitor, "same")

    visitor.press("Save")

    expect(visitor.page.get_by_role("alert")).to_contain_text("several zones have the name same")
    assert own_rules.rules() == RULES


def test_rules_of_two_editors_are_joined(
    visiting: Callable[..., Visitor], own_rules: World, visit: Any, hostile: Any
) -> None:
    ann = visiting(DESKTOP, f"/cameras/{DOOR}/zones")
    ben = visiting(DESKTOP, f"/cameras/{YARD}/zones")
    for visitor in (ann, ben):
        _draw(visitor, "mine")
    ann.press("Save")
    expect(ann.page.get_by_text("Saved.")).to_be_visible()

    ben.press("Save")
    expect(ben.page.get_by_role("alert")).to_contain_text("Someone else has changed the rules")
    ben.press("Save")
    expect(ben.page.get_by_text("Saved.")).to_be_visible()

    assert {one["streams"][0] for one in own_rules.rules()["cameras"] if "zones" in one} == {DOOR, YARD}


def test_a_stretch_of_the_past_is_analyzed(visitor: Visitor, world: World, hostile: Any) -> None:
    # Of what was analyzed before, a second run has no results.
    label, seconds = ("Dog", (4, 8)) if visitor.is_phone else ("Fox", (0, 4))
    world.model.answer = seeing(label)
    begin = datetime.fromisoformat(hostile["video"]["startedAt"]).replace(microsecond=0)
    start, end = (f"{begin + timedelta(seconds=one):%Y-%m-%dT%H:%M:%SZ}" for one in seconds)
    visitor.go(f"/analyze?stream={YARD}&start={start}&end={end}")

    visitor.press("Analyze")
    visitor.page.wait_for_url("**/#/analyze/*")
    expect(visitor.page.get_by_text("succeeded:")).to_be_visible(timeout=ANALYSIS_MS)

    expect(visitor.cards.first.get_by_text(label)).to_be_visible()
    image = visitor.cards.first.get_by_role("img")
    expect(image).to_be_visible()
    visitor.page.wait_for_function(LOADED, arg=image.element_handle())


def test_a_film_is_made_of_what_was_analyzed(visiting: Callable[..., Visitor], hostile: Any) -> None:
    begin = datetime.fromisoformat(hostile["video"]["startedAt"]).replace(microsecond=0)
    start, end = (f"{begin + timedelta(seconds=one):%Y-%m-%dT%H:%M:%SZ}" for one in (0, 6))
    visitor = visiting(DESKTOP, f"/analyze?stream={YARD}&start={start}&end={end}")
    visitor.press("Analyze")

    button = visitor.page.get_by_role("button", name="Make a time-lapse of it")
    expect(button).to_be_visible(timeout=ANALYSIS_MS)
    button.click()
    film = visitor.page.get_by_label("Time-lapse", exact=True)
    expect(film).to_be_visible(timeout=ANALYSIS_MS)
    expect(visitor.page.get_by_text("ran without a detector")).to_be_visible()

    film.evaluate("(video) => { video.playbackRate = 0.2; return video.play() }")
    visitor.page.wait_for_function("(video) => video.currentTime > 0.1", arg=film.element_handle())


def test_the_entry_that_counts_is_the_one_the_functions_take(visiting: Callable[..., Visitor]) -> None:
    visitor = visiting(DESKTOP)
    names = ["front-door", "Front-door", "front.door", "frontXdoor", "a", "office-1", "office-12"]
    patterns = ["front-*", "front?door", "front.door", "*", "office-?"]
    found = visitor.page.evaluate(
        """async ([names, patterns]) => {
            const { entryOf } = await import(new URL("js/logic/rules.js", location.href));
            return patterns.map((one) => names.filter((name) => entryOf({ cameras: [{ streams: [one] }] }, name)));
        }""",
        [names, patterns],
    )

    assert found == [[name for name in names if fnmatchcase(name, one)] for one in patterns]
