"""The page is for everyone: nothing that axe calls serious, in either light, on a desk and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.viewer.test_events import place_of
from tests.viewer.visitor import Device, Visitor
from tests.viewer.world import DOOR

SERIOUS = {"serious", "critical"}


@pytest.mark.parametrize("light", ["light", "dark"])
def test_nothing_keeps_anybody_out(
    visiting: Callable[..., Visitor], device: Device, light: str, visit: Any, hostile: Any
) -> None:
    visitor = visiting(device, color_scheme=light)
    zones = f"/cameras/{DOOR}/zones"

    found = []
    for place in ("/sessions", place_of(visit), place_of(hostile), "/cameras", zones, "/analyze", "/nowhere"):
        visitor.go(place)
        expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        expect(visitor.page.get_by_text("Loading …")).to_have_count(0)
        broken = Axe().run(visitor.page).response["violations"]
        found += [(place, one["id"], one["nodes"][0]["html"]) for one in broken if one["impact"] in SERIOUS]
        wider = visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [(place, "wider than the screen, in pixels", wider)] if wider > 0 else []

    assert found == []
