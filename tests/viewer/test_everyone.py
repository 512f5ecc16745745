"""Accessibility: axe reports no serious violation, in light and dark mode, on a desktop and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.viewer.page_user import DESKTOP, PHONE, TIME_ZONE, Device, PageUser
from tests.viewer.test_sessions import place_of
from tests.viewer.world import DOOR

SERIOUS = {"serious", "critical"}


@pytest.mark.parametrize(
    ("device", "light"),
    [
        pytest.param(DESKTOP, "light", id="desktop-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(DESKTOP, "dark", id="desktop-dark", marks=pytest.mark.long),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.long),
    ],
)
def test_no_view_has_serious_accessibility_violations(
    open_page: Callable[..., PageUser], device: Device, light: str, door_session: Any, hostile: Any
) -> None:
    user = open_page(device, color_scheme=light)
    zones = f"/cameras/{DOOR}/zones"

    found = []
    for place in ("/sessions", place_of(door_session), place_of(hostile), "/cameras", zones, "/analyze", "/nowhere"):
        user.go(place)
        expect(user.page.get_by_role("heading", level=1)).to_be_visible()
        expect(user.page.get_by_text("Loading …")).to_have_count(0)
        expect(user.page.get_by_text(TIME_ZONE)).to_be_visible()
        violations = Axe().run(user.page).response["violations"]
        found += [(place, one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in SERIOUS]
        wider = user.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [(place, "wider than the screen, in pixels", wider)] if wider > 0 else []

    assert found == []
