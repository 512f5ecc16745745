"""Somebody who looks at the viewer, and what must not happen to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page, Request, expect

from tests.viewer.world import World

PATIENCE_MS = 30_000
PAUSE_MS = 200
MOST_SCROLLS = 100
expect.set_options(timeout=PATIENCE_MS)

type Device = Mapping[str, Any]
DESKTOP: Device = {"viewport": {"width": 1280, "height": 900}}
PHONE: Device = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


@dataclass
class Visitor:
    """`wrongs`: what no visit may have: dialogs, script errors, violations of the Content-Security-Policy, and calls of
    the API that nobody signed. `answers`: to the dialogs that are expected."""

    context: BrowserContext
    page: Page
    world: World
    is_phone: bool
    wrongs: list[str] = field(default_factory=list)
    answers: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, browser: Browser, world: World, device: Device, *, token: bool = True, **more: Any) -> Self:
        """`token` says whether the address has one."""
        context = browser.new_context(**device, **more, locale="en-GB", timezone_id="Europe/Berlin")
        context.set_default_timeout(PATIENCE_MS)
        visitor = cls(context, context.new_page(), world, bool(device.get("is_mobile")))
        visitor._watch()
        if token:
            visitor.page.goto(world.viewer.address)
        return visitor

    def _watch(self) -> None:
        def asked(request: Request) -> None:
            if "/api/" in request.url and not request.headers.get("authorization", "").startswith("Bearer "):
                self.wrongs.append(f"without a token: {request.url}")

        def opened(dialog: Dialog) -> None:
            expected = bool(self.answers)
            if not expected:
                self.wrongs.append(f"dialog: {dialog.message}")
            if not expected or self.answers.pop(0):
                dialog.accept()
            else:
                dialog.dismiss()

        def told(message: ConsoleMessage) -> None:
            if "Content Security Policy" in message.text:
                self.wrongs.append(message.text)

        self.page.on("request", asked)
        self.page.on("pageerror", lambda error: self.wrongs.append(f"script: {error}"))
        self.page.on("dialog", opened)
        self.page.on("console", told)

    def go(self, place: str) -> None:
        """To a view by its address, as a deep link does."""
        self.page.goto(f"{self.world.viewer.url}/#{place}")

    def leave(self) -> None:
        self.context.close()
        assert self.wrongs == []

    @property
    def cards(self) -> Locator:
        return self.page.locator(".card")

    def filter(self, name: str, value: str) -> None:
        """On a phone, filters are folded away until they are asked for."""
        if self.is_phone and not self.page.get_by_role("search").is_visible():
            self.page.locator(".filters > summary").tap()
        field = self.page.get_by_role("search").get_by_label(name)
        if field.evaluate("(input) => input.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
            field.press("Tab")

    def scroll_down(self) -> None:
        """Until no more sessions come."""
        done = self.page.get_by_text("No more sessions.")
        for _ in range(MOST_SCROLLS):
            if done.count():
                break
            self.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            self.page.wait_for_timeout(PAUSE_MS)
        expect(done).to_be_visible()

    def press(self, name: str) -> None:
        """A button, by finger or by mouse."""
        self.touch(self.page.get_by_role("button", name=name, exact=True))

    def touch(self, what: Locator) -> None:
        if self.is_phone:
            what.tap()
        else:
            what.click()

    def at(self, what: Locator, across: float, down: float) -> None:
        """Touches a place in something, by shares of its width and height."""
        box = what.bounding_box()
        assert box is not None
        position = box["x"] + across * box["width"], box["y"] + down * box["height"]
        if self.is_phone:
            self.page.touchscreen.tap(*position)
        else:
            self.page.mouse.click(*position)
