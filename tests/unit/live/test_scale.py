"""The benchmark of leases, with few streams."""

import pytest

from benchmarks.leases import problems, simulate


@pytest.mark.parametrize("state_bytes", [0, 1024])
def test_leases_cost_little_and_every_stream_is_read_again_after_a_restart(state_bytes: int) -> None:
    phases = simulate(60, state_bytes)

    assert [one.name for one in phases] == ["start", "steady", "restart", "handover"]
    assert list(problems(60, phases)) == []
    assert phases[1].unread_s == 0
    assert phases[3].unread_s <= 8
