"""A user of the viewer's page, and the errors that must not occur."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page, Request, expect

from tests.viewer.world import World

TIMEOUT_MS = 30_000
PAUSE_MS = 200
MOST_SCROLLS = 100
TIME_ZONE = "Europe/Berlin"
expect.set_options(timeout=TIMEOUT_MS)

type Device = Mapping[str, Any]
DESKTOP: Device = {"viewport": {"width": 1280, "height": 900}}
PHONE: Device = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


@dataclass
class PageUser:
    """A browser page with its errors. `problems`: unexpected dialogs, script errors, violations of the
    Content-Security-Policy, and calls of the API without a token. `dialog_replies`: replies to expected dialogs."""

    context: BrowserContext
    page: Page
    world: World
    is_phone: bool
    problems: list[str] = field(default_factory=list)
    dialog_replies: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, browser: Browser, world: World, device: Device, *, token: bool = True, **more: Any) -> Self:
        """Opens the page. `token`: whether the address has one."""
        context = browser.new_context(**device, **more, locale="en-GB", timezone_id=TIME_ZONE)
        context.set_default_timeout(TIMEOUT_MS)
        user = cls(context, context.new_page(), world, bool(device.get("is_mobile")))
        user._watch()
        if token:
            user.page.goto(world.viewer.address)
        return user

    def _watch(self) -> None:
        def on_request(request: Request) -> None:
            if "/api/" in request.url and not request.headers.get("authorization", "").startswith("Bearer "):
                self.problems.append(f"without a token: {request.url}")

        def on_dialog(dialog: Dialog) -> None:
            expected = bool(self.dialog_replies)
            if not expected:
                self.problems.append(f"dialog: {dialog.message}")
            if not expected or self.dialog_replies.pop(0):
                dialog.accept()
            else:
                dialog.dismiss()

        def on_console(message: ConsoleMessage) -> None:
            if "Content Security Policy" in message.text:
                self.problems.append(message.text)

        self.page.on("request", on_request)
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("dialog", on_dialog)
        self.page.on("console", on_console)

    def go(self, place: str) -> None:
        """Opens a view by its address, like a deep link."""
        self.page.goto(f"{self.world.viewer.url}/#{place}")

    def leave(self) -> None:
        self.context.close()
        assert self.problems == []

    @property
    def cards(self) -> Locator:
        return self.page.locator(".card")

    def filter(self, name: str, value: str) -> None:
        """Opens the filters, which are collapsed on a phone."""
        if self.is_phone and not self.page.get_by_role("search").is_visible():
            self.page.locator(".filters > summary").tap()
        field = self.page.get_by_role("search").get_by_label(name)
        if field.evaluate("(input) => input.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
            field.press("Tab")

    def scroll_down(self) -> None:
        """Scrolls until no more sessions are loaded."""
        done = self.page.get_by_text("No more sessions.")
        for _ in range(MOST_SCROLLS):
            if done.count():
                break
            self.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            self.page.wait_for_timeout(PAUSE_MS)
        expect(done).to_be_visible()

    def press(self, name: str) -> None:
        """Presses a button, by touch or by mouse."""
        self.touch(self.page.get_by_role("button", name=name, exact=True))

    def touch(self, what: Locator) -> None:
        if self.is_phone:
            what.tap()
        else:
            what.click()

    def at(self, what: Locator, across: float, down: float) -> None:
        """Touches a point of an element, by shares of its width and height."""
        box = what.bounding_box()
        assert box is not None
        position = box["x"] + across * box["width"], box["y"] + down * box["height"]
        if self.is_phone:
            self.page.touchscreen.tap(*position)
        else:
            self.page.mouse.click(*position)
