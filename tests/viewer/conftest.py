"""One deployed stack for all tests of the page, and visitors that look at it in a browser."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kinesight.domain.sessions.model import Severity
from playwright.sync_api import Browser

from tests.viewer.visitor import DESKTOP, PHONE, Device, Visitor
from tests.viewer.world import DOOR, HOSTILE, MINUTE_MS, YARD, World, a_session, a_world

SEEDED = 60
EVERY_MS = 100 * MINUTE_MS
"""Sixty events, one every hundred minutes, are of five days."""


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With sixty events of a gate, newest first, of which every fourth is no alert and every fifth is in a zone."""
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
def visit(world: World) -> Any:
    """Somebody at the door, filmed and over."""
    return world.shoot(DOOR, "Person", (("place", "porch"),))


@pytest.fixture(scope="package")
def hostile(world: World) -> Any:
    """A model and a camera that write markup where they can."""
    return world.shoot(YARD, HOSTILE, (("note", HOSTILE),))


@pytest.fixture(autouse=True)
def clean_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the environment is the local cloud's."""
    for name, value in world.cloud.endpoints.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


@pytest.fixture
def visiting(world: World, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens the page on a device; at the end nothing forbidden may have happened to any visitor."""
    visitors: list[Visitor] = []

    def come(device: Device = DESKTOP, place: str = "/sessions", **more: Any) -> Visitor:
        visitors.append(Visitor.of(browser, world, device, **more))
        visitors[-1].go(place)
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.leave()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def device(request: pytest.FixtureRequest) -> Device:
    found: Device = request.param
    return found


@pytest.fixture
def visitor(visiting: Callable[..., Visitor], device: Device) -> Visitor:
    """At the list of sessions, once on each device."""
    return visiting(device)
