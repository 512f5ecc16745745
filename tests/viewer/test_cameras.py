"""Cameras, their zones, and on-demand analyses, in a browser."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.configuration.configuration import TagsByStream
from kinesight.domain.configuration.stream_tags import StreamTagsFile
from kinesight_cli.shared.play_video import Tagging
from playwright.sync_api import expect

from tests.viewer.page_user import DESKTOP, PHONE, PageUser
from tests.viewer.test_sessions import LOADED
from tests.viewer.world import DOOR, PORCH, RULES, YARD, World, seeing

ANALYSIS_MS = 90_000
LEFT_HALF = [(0.02, 0.02), (0.48, 0.02), (0.48, 0.98), (0.02, 0.98)]


def test_a_camera_shows_its_image_and_its_health(user: PageUser, door_session: Any) -> None:
    user.go("/cameras")
    card = user.cards.filter(has=user.page.get_by_role("heading", name=DOOR))

    image = card.get_by_role("img", name=f"{DOOR}, a recent image")
    expect(image).to_be_visible()
    user.page.wait_for_function(LOADED, arg=image.element_handle())
    expect(card.get_by_text("Healthy")).to_be_visible()
    user.touch(card.get_by_role("link", name="Sessions"))
    expect(user.page.get_by_role("heading", name="Sessions")).to_be_visible()
    assert f"stream={DOOR}" in user.page.url


def test_a_camera_that_was_set_up_by_hand_needs_attention(
    open_page: Callable[..., PageUser], world: World, door_session: Any
) -> None:
    control = world.cloud.client("kinesisvideo")
    expected = control.describe_image_generation_configuration(StreamName=YARD)["ImageGenerationConfiguration"]
    control.update_image_generation_configuration(
        StreamName=YARD, ImageGenerationConfiguration=expected | {"SamplingInterval": 5000}
    )

    user = open_page(DESKTOP, "/cameras")
    card = user.cards.filter(has=user.page.get_by_role("heading", name=YARD))

    expect(card.get_by_text("Needs attention")).to_be_visible()
    expect(card.get_by_text("SamplingInterval").first).to_be_visible()
    control.update_image_generation_configuration(StreamName=YARD, ImageGenerationConfiguration=expected)


@pytest.fixture
def own_rules(world: World) -> Iterator[World]:
    world.set_rules(RULES)
    yield world
    world.set_rules(RULES)


def test_a_zone_is_drawn_and_the_next_session_has_it(open_page: Callable[..., PageUser], own_rules: World) -> None:
    # Video without image tags makes no session, but the camera has an image to draw on.
    own_rules.roll(PORCH, Tagging())
    user = open_page(DESKTOP, f"/cameras/{PORCH}/zones")
    _draw(user, "left half")
    user.page.get_by_label("only in left half").check()
    user.press("Save")
    expect(user.page.get_by_text("Saved.")).to_be_visible()

    document = own_rules.rules()
    mine, others = document["cameras"]
    (zone,) = mine["zones"]
    assert (mine["streams"], zone["name"], others) == ([PORCH], "left half", RULES["cameras"][0])
    assert [pytest.approx(corner, abs=0.01) for corner in LEFT_HALF] == zone["polygon"]
    assert mine["rules"][0]["zones"] == ["left half"]
    own_rules.forget_rules()
    assert own_rules.shoot(PORCH, "Person")["zones"] == ["left half"]


def _draw(user: PageUser, name: str) -> None:
    canvas = user.page.locator(".canvas")
    expect(canvas.get_by_role("img")).to_be_visible()
    user.press("Draw a zone")
    for across, down in LEFT_HALF:
        user.at(canvas, across, down)
    user.press("Finish")
    field = user.page.get_by_label("Name", exact=True).last
    field.fill(name)
    field.press("Tab")


def test_a_zone_is_drawn_by_touch(open_page: Callable[..., PageUser], own_rules: World, door_session: Any) -> None:
    user = open_page(PHONE, f"/cameras/{DOOR}/zones")
    expect(user.page.get_by_role("button", name="Draw a zone")).to_be_visible()

    _draw(user, "left half")
    user.press("Save")
    expect(user.page.get_by_text("Saved.")).to_be_visible()

    assert own_rules.rules()["cameras"][0]["zones"][0]["name"] == "left half"


def test_a_zone_is_drawn_without_a_pointer(open_page: Callable[..., PageUser], own_rules: World) -> None:
    user = open_page(DESKTOP, f"/cameras/{DOOR}/zones")
    keyboard = user.page.keyboard
    user.page.get_by_role("button", name="Draw a zone").focus()
    keyboard.press("Enter")
    for moves in (["ArrowLeft"], ["ArrowRight", "Shift+ArrowDown"], ["ArrowDown"], ["Delete"]):
        user.page.get_by_role("button", name="Add a corner").focus()
        keyboard.press("Enter")
        for one in moves:
            keyboard.press(one)
    user.page.get_by_role("button", name="Finish").focus()
    keyboard.press("Enter")
    user.page.get_by_role("button", name="Save").focus()
    keyboard.press("Enter")
    expect(user.page.get_by_text("Saved.")).to_be_visible()

    (zone,) = own_rules.rules()["cameras"][0]["zones"]
    assert (zone["name"], len(zone["polygon"])) == ("zone 1", 3)
    assert zone["polygon"][0] == [0.39, 0.4]


def test_a_corner_is_dragged(open_page: Callable[..., PageUser], own_rules: World, door_session: Any) -> None:
    user = open_page(DESKTOP, f"/cameras/{DOOR}/zones")
    _draw(user, "left half")
    canvas = user.page.locator(".canvas").bounding_box()
    assert canvas is not None
    corner = user.page.get_by_role("button", name="Corner 1 of 4")

    corner.hover()
    user.page.mouse.down()
    user.page.mouse.move(canvas["x"] + 0.25 * canvas["width"], canvas["y"] + 0.25 * canvas["height"], steps=5)
    user.page.mouse.up()
    user.press("Save")
    expect(user.page.get_by_text("Saved.")).to_be_visible()

    assert own_rules.rules()["cameras"][0]["zones"][0]["polygon"][0] == pytest.approx([0.25, 0.25], abs=0.01)


def test_unsaved_changes_are_not_lost_by_a_click(
    open_page: Callable[..., PageUser], own_rules: World, door_session: Any
) -> None:
    user = open_page(DESKTOP, f"/cameras/{DOOR}/zones")
    _draw(user, "left half")
    away = user.page.get_by_role("link", name="← Cameras")

    user.dialog_replies = [False, True]
    away.click()
    expect(user.page.get_by_label("Name", exact=True)).to_have_value("left half")
    expect(user.page).to_have_url(re.compile(f"#/cameras/{DOOR}/zones$"))

    away.click()
    expect(user.page.get_by_role("heading", name="Cameras", exact=True)).to_be_visible()
    assert user.dialog_replies == []


def test_problems_of_zones_are_shown(open_page: Callable[..., PageUser], own_rules: World, door_session: Any) -> None:
    user = open_page(DESKTOP, f"/cameras/{DOOR}/zones")
    for _ in range(2):
        _draw(user, "same")

    user.press("Save")

    expect(user.page.get_by_role("alert")).to_contain_text("several zones have the name same")
    assert own_rules.rules() == RULES


def test_rules_of_two_editors_are_merged(
    open_page: Callable[..., PageUser], own_rules: World, door_session: Any, hostile: Any
) -> None:
    shared: Any = RULES["cameras"][0]
    own_rules.set_rules(RULES | {"cameras": [{"streams": [YARD], "sessions": {"quietSeconds": 20}}, shared]})
    ann = open_page(DESKTOP, f"/cameras/{DOOR}/zones")
    ben = open_page(DESKTOP, f"/cameras/{YARD}/zones")
    for user in (ann, ben):
        _draw(user, "mine")
    ann.press("Save")
    expect(ann.page.get_by_text("Saved.")).to_be_visible()

    ben.press("Save")
    expect(ben.page.get_by_role("alert")).to_contain_text("Someone else has changed the rules")
    ben.press("Save")
    expect(ben.page.get_by_text("Saved.")).to_be_visible()

    door, yard, others = own_rules.rules()["cameras"]
    assert (door["streams"], yard["streams"], others) == ([DOOR], [YARD], shared)
    assert (door["sessions"], yard["sessions"]) == (shared["sessions"], {"quietSeconds": 20})
    assert [zone["name"] for one in (door, yard) for zone in one["zones"]] == ["mine", "mine"]


def test_a_camera_of_a_tag_gets_an_entry_of_its_own(
    open_page: Callable[..., PageUser], own_rules: World, door_session: Any
) -> None:
    tagged = {"streamTags": "Floor=1", "alertChannels": ["sns"]}
    defaults = {"rules": [{"name": "anything", "minimumConfidence": 50}]}
    own_rules.set_rules({"schemaVersion": 1, "defaults": defaults, "cameras": [tagged]})
    _set_stream_tags(own_rules, {DOOR: {"Floor": "1"}})
    user = open_page(DESKTOP, f"/cameras/{DOOR}/zones")
    _draw(user, "left half")
    user.page.get_by_label("only in left half").check()

    user.press("Save")
    expect(user.page.get_by_text("Saved.")).to_be_visible()

    mine, others = own_rules.rules()["cameras"]
    assert (mine["streams"], mine["alertChannels"], "streamTags" in mine) == ([DOOR], ["sns"], False)
    assert mine["rules"] == [{"name": "anything", "minimumConfidence": 50, "zones": ["left half"]}]
    assert (others, own_rules.rules()["defaults"]) == (tagged, defaults)


def _set_stream_tags(world: World, tags: TagsByStream) -> None:
    """Writes them like configure_streams."""
    StreamTagsFile(S3Bucket(world.cloud.client("s3"), world.cloud.outputs["EvidenceBucketName"])).save(tags)


def test_a_time_range_is_analyzed(user: PageUser, world: World, hostile: Any) -> None:
    # A second analysis of the same images has no results.
    label, seconds = ("Dog", (4, 8)) if user.is_phone else ("Fox", (0, 4))
    world.model.output = seeing(label)
    begin = datetime.fromisoformat(hostile["video"]["startedAt"]).replace(microsecond=0)
    start, end = (f"{begin + timedelta(seconds=one):%Y-%m-%dT%H:%M:%SZ}" for one in seconds)
    user.go(f"/analyze?stream={YARD}&start={start}&end={end}")

    user.press("Analyze")
    user.page.wait_for_url("**/#/analyze/*")
    expect(user.page.get_by_text("succeeded:")).to_be_visible(timeout=ANALYSIS_MS)

    expect(user.cards.first.get_by_text(label)).to_be_visible()
    image = user.cards.first.get_by_role("img")
    expect(image).to_be_visible()
    user.page.wait_for_function(LOADED, arg=image.element_handle())


def test_a_timelapse_is_made_of_an_analysis(open_page: Callable[..., PageUser], hostile: Any) -> None:
    begin = datetime.fromisoformat(hostile["video"]["startedAt"]).replace(microsecond=0)
    start, end = (f"{begin + timedelta(seconds=one):%Y-%m-%dT%H:%M:%SZ}" for one in (0, 6))
    user = open_page(DESKTOP, f"/analyze?stream={YARD}&start={start}&end={end}")
    user.press("Analyze")

    button = user.page.get_by_role("button", name="Make a time-lapse of it")
    expect(button).to_be_visible(timeout=ANALYSIS_MS)
    button.click()
    video = user.page.get_by_label("Time-lapse", exact=True)
    expect(video).to_be_visible(timeout=ANALYSIS_MS)
    expect(user.page.get_by_text("ran without a detector")).to_be_visible()

    video.evaluate("(video) => { video.playbackRate = 0.2; return video.play() }")
    user.page.wait_for_function("(video) => video.currentTime > 0.1", arg=video.element_handle())
