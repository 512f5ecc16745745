"""docs/images/viewer.png: a session of the demo in the viewer, in a browser.

make viewer-screenshot
"""

import tempfile
from pathlib import Path

from kinesight_cli.demo.run import STREAM, demo_cloud, run_demo
from kinesight_cli.shared.progress import shown_progress
from playwright.sync_api import Page
from rich.console import Console

from tests.browser import launched

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "images" / "viewer.png"
_WINDOW = {"width": 1280, "height": 820}
_INTO_THE_VIDEO_S = 8
_IMAGES = 8
# Images out of sight are not loaded.
_VISIBLE_IMAGES_LOADED = """() => [...document.images].every((one) => one.complete
    || one.getBoundingClientRect().left > innerWidth || one.getBoundingClientRect().top > innerHeight)"""
_TIMEOUT_MS = 180_000
_SPINNER_MS = 1000


def main() -> None:
    console = Console()
    with tempfile.TemporaryDirectory() as folder, demo_cloud(ROOT, Path(folder) / "state") as cloud:
        with shown_progress(console) as progress:
            run_demo(cloud, None, Path(folder) / "report", progress)
        take(cloud.outputs["ViewerUrl"])
    console.print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size // 1000} kB")


def take(address: str) -> None:
    """`address` of the viewer, with its token."""
    with launched() as browser:
        context = browser.new_context(viewport=_WINDOW, locale="en-GB", timezone_id="UTC")
        page = context.new_page()
        page.goto(address)
        page.locator(".card", has_text=STREAM).last.get_by_role("link").click()
        _settle(page)
        page.screenshot(path=TARGET)


def _settle(page: Page) -> None:
    """Waits until everything has loaded, with the video at a frame that shows something."""
    page.get_by_role("group", name="Images").get_by_role("button").nth(_IMAGES - 1).wait_for(timeout=_TIMEOUT_MS)
    page.wait_for_function(_VISIBLE_IMAGES_LOADED)
    video = page.locator("video")
    video.wait_for()
    page.wait_for_function("() => document.querySelector('video').readyState >= 1")
    video.evaluate(
        "(video, seconds) => { video.currentTime = Math.min(seconds, video.duration / 2) }", _INTO_THE_VIDEO_S
    )
    page.wait_for_function("() => document.querySelector('video').readyState >= 3")
    page.wait_for_timeout(_SPINNER_MS)


if __name__ == "__main__":
    main()
