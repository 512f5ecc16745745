"""A real browser, without a window."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first one has no windows at all, and takes less processor time."""
_ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium or Chrome of this machine, else the one that scripts/install_browser.sh fetched."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None and _ON_MACOS.exists():
        path = str(_ON_MACOS)
    with sync_playwright() as playwright:
        channel = None if path else "chromium"
        running = playwright.chromium.launch(executable_path=path, channel=channel, args=list(_ARGUMENTS))
        yield running
        running.close()
