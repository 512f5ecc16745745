"""All faults at once: `make faults` in a minute. test_under_faults holds the shorter variant."""

from pathlib import Path

import pytest

from tests.faults.accounting import KINDS
from tests.faults.plan import Plan
from tests.faults.run import run


@pytest.fixture(autouse=True)
def clean_environment() -> None:
    """The run deploys a stack of its own; the one for all of this folder would be a second one."""


@pytest.mark.long
def test_nothing_is_lost_or_duplicated_while_everything_fails(tmp_path: Path) -> None:
    outcome = run(Plan(seed=3, dependencies=(), trouble_s=4, peace_s=0), tmp_path)

    assert outcome.result.problems == []
    (phase,) = outcome.phases
    assert all(phase.struck[kind] > 0 for kind in KINDS if kind != "partial")
    assert len(outcome.given.images) > 40
    assert len(outcome.given.poison) > 2
