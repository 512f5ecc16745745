"""The images that the gate passes, as the estimate counts them and as the gate decides."""

from collections import Counter
from collections.abc import Iterable

import pytest
from kinesight.domain.detectors.budget import DAY_MS, allowance
from kinesight.domain.detectors.call_prices import MICRO_USD
from kinesight.domain.gate.decision import GateMethod, GateMode, GateSettings, GateState, Reason, decide
from kinesight.domain.gate.image_difference import BLOCKS, COLUMNS
from kinesight_cli.estimate.month import detector_calls
from kinesight_cli.estimate.workload import MONTH_S, assumed

from tests.unit.cli.estimate.stacks import initial, of

_FRAMES = 240


def luma(person_at: int | None) -> bytes:
    """A wall, or a person who stands at this column of blocks."""
    rows = bytearray([100]) * BLOCKS
    for row in range(10, 30) if person_at is not None else ():
        start = row * COLUMNS + (person_at or 0)
        rows[start : start + 6] = bytes([180]) * 6
    return bytes(rows)


def video(walk_frames: int, every: int) -> list[bytes]:
    """A person walks by, for so many frames, at the start of every so many."""
    return [luma(8 * (at % every)) if at % every < walk_frames else luma(None) for at in range(_FRAMES)]


def decided(settings: GateSettings, frames: Iterable[bytes], interval_ms: int) -> Counter[Reason]:
    state: GateState | None = None
    reasons: Counter[Reason] = Counter()
    for at, frame in enumerate(frames):
        decision = decide(settings, state, frame, at * interval_ms)
        state = decision.state
        reasons[decision.reason] += 1
    return reasons


def estimated_share(changed: float, interval_ms: int, **gate: str) -> float:
    settings = {f"gate.{name}": value for name, value in gate.items()}
    found = of(
        assumed([f"changed_share={changed}"]), **{"gate.mode": "ON"}, SamplingInterval=f"{interval_ms}", **settings
    )
    return detector_calls(found.parameters, found.workload, found.shape) * interval_ms / 1000 / MONTH_S


@pytest.mark.parametrize("interval_ms", [2_000, 10_000])
@pytest.mark.parametrize("maximum_s", [60, 300])
@pytest.mark.parametrize(("walk_frames", "every"), [(0, 60), (3, 60), (6, 40)])
def test_changed_images_pass_and_one_per_maximum_interval_of_the_others(
    interval_ms: int, maximum_s: int, walk_frames: int, every: int
) -> None:
    gate = GateSettings(mode=GateMode.ON, method=GateMethod.PERCEPTUAL_HASH, maximum_interval_seconds=maximum_s)
    reasons = decided(gate, video(walk_frames, every), interval_ms)

    passed = reasons[Reason.FIRST] + reasons[Reason.CHANGED] + reasons[Reason.DUE]
    estimated = _FRAMES * estimated_share(
        reasons[Reason.CHANGED] / _FRAMES, interval_ms, maximumIntervalSeconds=f"{maximum_s}"
    )
    # A maximum interval begins with each image that passes, so before each walk less than one of them is cut short.
    walks = _FRAMES // every if walk_frames else 0
    assert passed - 1 <= estimated <= passed + walks + 1


def test_a_busy_camera_passes_one_per_minimum_interval() -> None:
    gate = GateSettings(mode=GateMode.ON, method=GateMethod.PERCEPTUAL_HASH, minimum_interval_milliseconds=6_000)
    reasons = decided(gate, video(4, 4), 2_000)

    passed = reasons.total() - reasons[Reason.TOO_SOON] - reasons[Reason.UNCHANGED]
    assert passed == pytest.approx(_FRAMES * estimated_share(1, 2_000, minimumIntervalMilliseconds="6000"))


@pytest.mark.parametrize("busy_hours", [range(24), range(8), range(8, 18), range(14, 24)])
def test_the_budget_of_the_initial_setup_is_not_reached_at_any_hour(busy_hours: range) -> None:
    """Up to the soft limit, calls are not delayed; after it, they must stay below a line to the end of the day."""
    found = initial()
    limit = int(float(found.parameters["DailyBudgetUsd"]) * MICRO_USD)
    changed, unchanged = 864, 0.9 * 1440
    spent = 0.0
    for hour in range(24):
        spent += 1000 * (unchanged / 24 + (changed / len(busy_hours) if hour in busy_hours else 0))
        assert spent <= allowance(limit, int(found.parameters["budgetSoftPercent"]), hour * DAY_MS // 24)
    assert spent == pytest.approx(1000 * detector_calls(found.parameters, found.workload, found.shape) / 30)
