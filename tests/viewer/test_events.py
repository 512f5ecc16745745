"""The list of events, and one event, in a browser."""

import hashlib
import json
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.functional.kvs_producer import Producer
from tests.muxed import a_recording
from tests.viewer.conftest import SEEDED
from tests.viewer.visitor import DESKTOP, PAUSE_MS, Visitor
from tests.viewer.world import CELLAR, DOOR, GATE, HOSTILE, MINUTE_MS, World, a_session

LOADED = "(image) => image.complete && image.naturalWidth > 0"
HALL = "hall"
TIME = "() => document.querySelector('video')?.currentTime > 1"


def place_of(event: Any) -> str:
    return f"/sessions/{event['streamName']}/{event['eventId']}"


def resource_of(event: Any) -> str:
    """The session's path in the API."""
    return f"events/{event['streamName']}/{event['eventId']}"


def day_of(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def test_nobody_sees_anything_without_the_token(visiting: Callable[..., Visitor], visit: Any) -> None:
    visitor = visiting(token=False)

    expect(visitor.page.get_by_role("heading", name="Not signed in")).to_be_visible()
    assert visitor.cards.count() == 0


def test_a_card_shows_what_happened(visitor: Visitor, visit: Any) -> None:
    card = visitor.cards.filter(has_text=DOOR).first

    expect(card.get_by_text("Person 93 %")).to_be_visible()
    expect(card.get_by_text("Alert", exact=True)).to_be_visible()
    image = card.get_by_role("img", name=f"Person on {DOOR}")
    expect(image).to_be_visible()
    visitor.page.wait_for_function(LOADED, arg=image.element_handle())


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("Camera", GATE, lambda *_: True),
        ("Label", "Truck", lambda one, _: "Truck" in one.labels),
        ("Zone", "driveway", lambda one, _: bool(one.zones)),
        ("Class", "ACTIVITY", lambda one, _: one.severity == "ACTIVITY"),
        ("Day", "middle", lambda one, day: day_of(one.opened_ms) == day),
    ],
)
def test_filters_leave_what_is_wanted_and_stand_in_the_address(
    visitor: Visitor, world: World, name: str, value: str, wanted: Callable[[Any, str], bool]
) -> None:
    day = day_of(world.seeded[SEEDED // 2].opened_ms)
    value = day if value == "middle" else value
    expected = [one for one in world.seeded if wanted(one, day)]

    visitor.filter(name, value)
    if name != "Camera":
        visitor.filter("Camera", GATE)
    visitor.scroll_down()

    expect(visitor.cards).to_have_count(len(expected))
    visitor.page.reload()
    expect(visitor.cards.first).to_be_visible()
    expect(visitor.cards.filter(has_not_text=GATE)).to_have_count(0)


def test_all_events_come_as_one_scrolls(visitor: Visitor, world: World) -> None:
    visitor.go(f"/sessions?stream={GATE}")
    expect(visitor.cards.first).to_be_visible()

    visitor.scroll_down()

    links = visitor.page.locator(".card a").evaluate_all("(all) => all.map((one) => one.hash.split('/').at(-1))")
    assert links == [f"{one.opened_ms:015d}-{one.session_id}" for one in world.seeded]


def test_new_events_appear_by_themselves(visiting: Callable[..., Visitor], world: World) -> None:
    visitor = visiting(DESKTOP, "/sessions?stream=newcomer")
    expect(visitor.page.get_by_text("No sessions match these filters.")).to_be_visible()

    world.seed(a_session(world.seeded[0].opened_ms, "newcomer", "Fox"))

    expect(visitor.cards.get_by_text("Fox")).to_be_visible()


def test_new_events_wait_while_somebody_reads_further_down(visiting: Callable[..., Visitor], world: World) -> None:
    world.seed(*(a_session(one.opened_ms, "lane", "Bike") for one in world.seeded[10:34]))
    visitor = visiting(DESKTOP, "/sessions?stream=lane")
    expect(visitor.cards).to_have_count(24)
    visitor.page.mouse.wheel(0, 600)
    visitor.page.wait_for_function("() => scrollY > 300")

    world.seed(a_session(world.seeded[0].opened_ms, "lane", "Fox"))
    visitor.page.get_by_role("button", name="1 new session").click()

    expect(visitor.cards.first.get_by_text("Fox")).to_be_visible()
    visitor.page.wait_for_function("() => scrollY === 0")


def test_a_days_strip_leads_to_the_event(visiting: Callable[..., Visitor], world: World) -> None:
    one = world.seeded[SEEDED // 2]
    day = day_of(one.opened_ms)
    visitor = visiting(DESKTOP, f"/sessions?stream={GATE}&day={day}")
    expect(visitor.page.get_by_text(f"Activity of 1 camera on {day}, UTC")).to_be_visible()
    strip = visitor.page.get_by_role("img", name=f"{GATE}:")
    minute = one.opened_ms / 60_000 % 1440

    visitor.at(strip, (minute + 0.2) / 1440, 0.5)

    visitor.page.wait_for_url(f"**/{GATE}/{one.opened_ms:015d}-{one.session_id}")


def test_a_strip_asked_for_earlier_and_answered_later_is_not_drawn(
    visiting: Callable[..., Visitor], world: World
) -> None:
    day = day_of(world.seeded[SEEDED // 2].opened_ms)
    visitor, late = visiting(DESKTOP, "/sessions"), f"{GATE}-late"
    held: list[Route] = []
    visitor.page.route(f"**/api/activity?*{late}*", lambda route: held.append(route))
    visitor.go(f"/sessions?stream={late}")
    expect(visitor.page.get_by_text("No sessions match these filters.")).to_be_visible()
    visitor.go(f"/sessions?stream={GATE}&day={day}")
    told = visitor.page.get_by_text(f"Activity of 1 camera on {day}, UTC")
    expect(told).to_be_visible()

    with visitor.page.expect_response(f"**/api/activity?*{late}*"):
        held[0].continue_()

    visitor.page.wait_for_timeout(PAUSE_MS)
    expect(told).to_be_visible()


def test_keys_lead_from_card_to_card_and_back(visiting: Callable[..., Visitor], world: World) -> None:
    visitor = visiting(DESKTOP, f"/sessions?stream={GATE}")
    links = visitor.page.locator(".card a")
    links.first.focus()

    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight", "Enter"):
        visitor.page.keyboard.press(key)
    third = world.seeded[2]
    visitor.page.wait_for_url(f"**/{GATE}/{third.opened_ms:015d}-{third.session_id}")
    visitor.page.get_by_role("link", name="Older").click()
    fourth = world.seeded[3]
    visitor.page.wait_for_url(f"**/{GATE}/{fourth.opened_ms:015d}-{fourth.session_id}")
    visitor.page.get_by_role("link", name="← Sessions").click()

    expect(visitor.cards.first).to_be_visible()
    assert f"stream={GATE}" in visitor.page.url


def test_the_list_is_where_one_left_it(visiting: Callable[..., Visitor], world: World) -> None:
    visitor = visiting(DESKTOP, f"/sessions?stream={GATE}")
    card = visitor.page.locator(".card a").nth(20)
    card.scroll_into_view_if_needed()
    before = visitor.page.evaluate("scrollY")

    card.click()
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text(f"on {GATE}")
    visitor.page.go_back()

    expect(card).to_be_in_viewport()
    assert before > 0


def test_boxes_lie_over_the_original_until_they_are_taken_away(visitor: Visitor, visit: Any) -> None:
    visitor.go(place_of(visit))
    image = visitor.page.locator(".stage img")
    visitor.page.wait_for_function(LOADED, arg=image.element_handle())

    box, whole = visitor.page.locator(".boxes div").bounding_box(), image.bounding_box()
    assert box is not None
    assert whole is not None
    shares = [(box["x"] - whole["x"]) / whole["width"], (box["y"] - whole["y"]) / whole["height"]]
    shares += [box["width"] / whole["width"], box["height"] / whole["height"]]
    assert shares == pytest.approx([0.1, 0.3, 0.2, 0.6], abs=0.01)
    assert "/annotated/" not in (image.get_attribute("src") or "/annotated/")
    visitor.press("Boxes")

    expect(visitor.page.locator(".boxes div")).to_have_count(0)


def test_frames_tags_and_the_record_are_there(visitor: Visitor, visit: Any) -> None:
    visitor.go(place_of(visit))
    frames = visitor.page.get_by_role("group", name="Images").get_by_role("button")

    expect(frames).to_have_count(visit["images"])
    visitor.touch(frames.last)
    expect(frames.last).to_have_attribute("aria-pressed", "true")
    expect(visitor.page.locator("dl").get_by_text("porch")).to_be_visible()
    visitor.touch(visitor.page.get_by_text("Record", exact=True))
    shown = json.loads(visitor.page.locator("pre").inner_text())
    assert shown["resultId"] == visit["best"]["resultId"]


def test_what_kvs_still_has_plays(visitor: Visitor, visit: Any) -> None:
    visitor.go(place_of(visit))

    visitor.page.locator("video").evaluate("(video) => video.play()")

    visitor.page.wait_for_function(TIME)
    assert ".m3u8" in visitor.page.locator("video").evaluate("(video) => video.currentSrc")


def test_it_plays_in_a_browser_that_knows_no_hls(visiting: Callable[..., Visitor], visit: Any) -> None:
    visitor = visiting()
    visitor.page.add_init_script("HTMLMediaElement.prototype.canPlayType = () => ''")
    visitor.page.reload()
    visitor.go(place_of(visit))

    visitor.page.locator("video").evaluate("(video) => video.play()")

    visitor.page.wait_for_function(TIME)
    assert visitor.page.locator("video").evaluate("(video) => video.currentSrc").startswith("blob:")


def test_it_plays_in_a_browser_whose_hls_fails(visiting: Callable[..., Visitor], visit: Any) -> None:
    def fail(route: Route) -> None:
        if route.request.resource_type == "media":
            route.abort()
        else:
            route.continue_()

    visitor = visiting()
    visitor.page.route("**/*.m3u8*", fail)
    visitor.go(place_of(visit))

    visitor.page.wait_for_function("() => document.querySelector('video')?.currentSrc.startsWith('blob:')")
    visitor.page.locator("video").evaluate("(video) => video.play()")

    visitor.page.wait_for_function(TIME)


def test_sound_plays_with_the_image(visiting: Callable[..., Visitor], world: World) -> None:
    """In a browser that knows no HLS. (Muted, as pages may begin; it is decoded all the same.)"""
    at_ms = time.time_ns() // 1_000_000 - MINUTE_MS
    world.cloud.ensure_stream(HALL)
    producer = Producer(world.cloud.kvs, HALL, kind="RELATIVE", start=f"{at_ms / 1000}")
    producer.send(a_recording(4).body)
    producer.end()
    assert "ERROR" not in [one["EventType"] for one in producer.acknowledgements()]
    world.seed(a_session(at_ms, HALL, label="Person"))
    (event,) = world.events(HALL)
    visitor = visiting()
    visitor.page.add_init_script("HTMLMediaElement.prototype.canPlayType = () => ''")
    visitor.page.reload()
    visitor.go(place_of(event))

    visitor.page.locator("video").evaluate("(video) => video.play()")

    visitor.page.wait_for_function(TIME)
    assert visitor.page.locator("video").evaluate("(video) => video.webkitAudioDecodedByteCount") > 0


def test_what_kvs_has_no_more_plays_from_the_archive(visiting: Callable[..., Visitor], world: World) -> None:
    event = world.shoot(CELLAR, "Rat")
    control = world.cloud.client("kinesisvideo")
    control.delete_stream(StreamARN=control.describe_stream(StreamName=CELLAR)["StreamInfo"]["StreamARN"])
    visitor = visiting(DESKTOP, place_of(event))

    visitor.page.locator("video").evaluate("(video) => video.play()")

    visitor.page.wait_for_function(TIME)
    assert ".mp4" in visitor.page.locator("video").evaluate("(video) => video.currentSrc")
    visitor.page.get_by_role("group", name="Images").get_by_role("button").last.click()
    visitor.page.wait_for_function("() => document.querySelector('video').currentTime > 5")


def test_marks_are_set_and_kept(visitor: Visitor, world: World, visit: Any) -> None:
    visitor.go(place_of(visit))
    button = visitor.page.get_by_role("button", name="Reviewed", exact=True)
    expect(button).to_have_attribute("aria-pressed", "false")

    visitor.touch(button)
    expect(button).to_have_attribute("aria-pressed", "true")
    visitor.press("Hold")
    expect(visitor.page.get_by_text("Held: it never expires.")).to_be_visible()
    visitor.page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    visitor.go(f"/sessions?stream={DOOR}&reviewed=true")
    expect(visitor.cards.first.get_by_text("✓ Reviewed")).to_be_visible()
    expect(visitor.cards.first.get_by_text("Held")).to_be_visible()

    visitor.go(place_of(visit))
    for name in ("Reviewed", "Hold"):
        visitor.press(name)
        expect(visitor.page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "false")
    assert not world.ask(resource_of(visit))["held"]


def test_a_mark_that_somebody_else_sets_meanwhile_stays(
    visiting: Callable[..., Visitor], world: World, visit: Any
) -> None:
    ann, ben = visiting(DESKTOP, place_of(visit)), visiting(DESKTOP, place_of(visit))
    for one in (ann, ben):
        expect(one.page.get_by_role("button", name="Reviewed", exact=True)).to_be_visible()

    ann.press("Hold")
    expect(ann.page.get_by_text("Held: it never expires.")).to_be_visible()
    ben.press("Reviewed")
    expect(ben.page.get_by_role("button", name="Reviewed", exact=True)).to_have_attribute("aria-pressed", "true")

    found = world.ask(resource_of(visit))
    assert (found["held"], found["reviewed"]) == (True, True)
    for name in ("Reviewed", "Hold"):
        ben.press(name)
        expect(ben.page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "false")


def test_the_evidence_is_a_file_whose_hashes_hold(visitor: Visitor, visit: Any, tmp_path: Path) -> None:
    visitor.go(place_of(visit))

    with visitor.page.expect_download() as coming:
        visitor.press("Download the evidence")
    coming.value.save_as(tmp_path / "bundle.zip")

    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        files = json.loads(bundle.read("manifest.json"))["files"]
        for one in files:
            body = bundle.read(one["name"])
            assert (hashlib.sha256(body).hexdigest(), len(body)) == (one["sha256"], one["bytes"])
        assert {one["name"] for one in files} == set(bundle.namelist()) - {"manifest.json"}
    endings = {Path(one["name"]).suffix for one in files}
    assert endings >= {".jpg", ".mkv", ".mp4", ".json"}
    expect(visitor.page.get_by_text(f"{len(files)} files")).to_be_visible()


def test_hostile_text_is_text(visitor: Visitor, hostile: Any) -> None:
    for place in ("/sessions", f"/sessions?stream={hostile['streamName']}", place_of(hostile)):
        visitor.go(place)
        expect(visitor.page.get_by_text(HOSTILE).first).to_be_visible()
        assert visitor.page.locator("img[src='x']").count() == 0
        assert visitor.page.title() != "HACKED"
    visitor.go(f"/sessions?label={HOSTILE}&zone={HOSTILE}")
    expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()


def test_an_event_that_is_not_there_says_so(visitor: Visitor) -> None:
    visitor.go(f"/sessions/{DOOR}/{0:015d}-abc")

    expect(visitor.page.get_by_role("alert")).to_contain_text("it may have expired")
