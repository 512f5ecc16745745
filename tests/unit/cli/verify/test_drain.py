"""Before the removal, a run waits for what is in flight, but not for what does not progress."""

import pytest
from kinesight_cli.verify import probes
from kinesight_cli.verify.probes import InFlight
from kinesight_cli.verify.run import Run
from kinesight_cli.verify.verification import drain

from tests.unit.cli.verify.runs import FakeClock, a_run


def waited_s(monkeypatch: pytest.MonkeyPatch, *results: int) -> float:
    """Returns how long it waits for ten images with these numbers of results, the last of which stays."""
    left = list(results)

    def in_flight(_: Run) -> InFlight:
        return InFlight(10, left.pop(0) if len(left) > 1 else left[0], 0, 0, False)

    monkeypatch.setattr(probes, "in_flight", in_flight)
    clock = FakeClock()
    drain(a_run(), 60, clock)
    return clock.now


def test_it_ends_once_everything_is_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waited_s(monkeypatch, 2, 4, 10) == 3


def test_it_does_not_wait_for_what_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waited_s(monkeypatch, 2, 4) == 16


def test_it_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waited_s(monkeypatch, *(n % 9 for n in range(100))) == 60
