"""One deployed stack for all tests of the page, and users with a browser."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kinesight.domain.sessions.model import Severity
from playwright.sync_api import Browser

from tests.emulators import use_local_cloud
from tests.viewer.page_user import DESKTOP, PHONE, Device, PageUser
from tests.viewer.world import DOOR, HOSTILE, MINUTE_MS, YARD, World, a_session, a_world

SEEDED = 60
EVERY_MS = 100 * MINUTE_MS
"""Sixty sessions, one every hundred minutes, cover five days."""


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With sixty sessions of a gate, newest first; every fourth is no alert and every fifth is in a zone."""
    now_ms = time.time_ns() // 1_000_000
    with a_world(tmp_path_factory.mktemp("viewer")) as world:
        world.seeded = [
            a_session(
                now_ms - (index + 1) * EVERY_MS,
                severity=Severity.ALERT if index % 4 else Severity.ACTIVITY,
                label="Car" if index % 3 else "Truck",
                zones=() if index % 5 else ("driveway",),
            )
            for index in range(SEEDED)
        ]
        world.seed(*world.seeded)
        yield world


@pytest.fixture(scope="package")
def door_session(world: World) -> Any:
    """An ended session at the door, with its video."""
    return world.shoot(DOOR, "Person", (("place", "porch"),))


@pytest.fixture(scope="package")
def hostile(world: World) -> Any:
    """A session with markup in its label and its tags."""
    return world.shoot(YARD, HOSTILE, (("note", HOSTILE),))


@pytest.fixture(autouse=True)
def clean_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the environment of the local cloud."""
    use_local_cloud(world.cloud, monkeypatch)


@pytest.fixture
def open_page(world: World, browser: Browser) -> Iterator[Callable[..., PageUser]]:
    """Opens the page on a device; at the end, no page may have had errors."""
    users: list[PageUser] = []

    def come(device: Device = DESKTOP, place: str = "/sessions", **more: Any) -> PageUser:
        users.append(PageUser.of(browser, world, device, **more))
        users[-1].go(place)
        return users[-1]

    yield come
    for user in users:
        user.leave()


@pytest.fixture(params=[DESKTOP, pytest.param(PHONE, marks=pytest.mark.long)], ids=["desktop", "phone"])
def device(request: pytest.FixtureRequest) -> Device:
    found: Device = request.param
    return found


@pytest.fixture
def user(open_page: Callable[..., PageUser], device: Device) -> PageUser:
    """Opens the list of sessions, once on each device."""
    return open_page(device)
