"""Sweeps with a virtual clock: contiguous ranges, whatever fails, stops or runs twice."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.errors import StorageBusyError, ThrottledError
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.on_demand.messages import AnalysisRequest
from kinesight.domain.on_demand.ports import RunStatus
from kinesight.domain.on_demand.sweep_streams import (
    LONGEST_RANGE_MS,
    SweepPorts,
    SweepReport,
    SweepSampling,
    SweepSettings,
    sweep,
)
from kinesight.domain.ports import Versioned, VideoStream
from kinesight.domain.streams.selection import StreamSelection

from tests.builders import NOON_MS
from tests.fakes import FakeDocuments, FakeWorkflow
from tests.fakes_streams import FakeStreamDirectory

SETTLE_MS = 120_000
QUARTER_MS = 900_000


def stream(name: str, hours: int = 24) -> VideoStream:
    arn = f"arn:aws:kinesisvideo:us-east-1:123456789012:stream/{name}/1700000000000"
    return VideoStream(name, arn, "ACTIVE", hours)


class Died(Exception):  # noqa: N818 - a function that is killed
    """The function ends here."""


def every(interval_ms: int) -> SweepSettings:
    return SweepSettings(StreamSelection.of(["*"], []), lambda _: SweepSampling(interval_ms, SETTLE_MS))


@dataclass
class Fleet:
    """Streams, a table and a workflow, on a clock; `fate` may strike at any call that changes something."""

    streams_: list[VideoStream] = field(default_factory=lambda: [stream("cam")])
    tags_: dict[str, dict[str, str]] = field(default_factory=dict)
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    workflow: FakeWorkflow = field(default_factory=FakeWorkflow)
    now_ms: int = NOON_MS
    clock_s: float = 0.0
    fate: Iterator[Exception | None] = field(default_factory=lambda: iter(()))
    plan: SweepSettings = field(default_factory=lambda: every(1000))

    def now_s(self) -> float:
        return self.clock_s

    def sleep_s(self, seconds: float) -> None:
        self.clock_s += seconds

    def all(self) -> Mapping[str, Versioned]:
        return self.documents.all()

    def load(self, key: str) -> Versioned:
        return self.documents.load(key)

    def save(self, key: str, body: str, seen_version: int) -> bool:
        self._strike()
        saved = self.documents.save(key, body, seen_version)
        self._strike()
        return saved

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        self._strike()
        started = self.workflow.start(name, document)
        self._strike()
        return started

    def status(self, name: str) -> RunStatus | None:
        self._strike()
        return self.workflow.status(name)

    def _strike(self) -> None:
        error = next(self.fate, None)
        if error is not None:
            raise error

    def sweep(self, deadline_s: float = 1e9) -> SweepReport:
        fleet = {one.arn: one for one in self.streams_}
        registry = FakeStreamDirectory(fleet=fleet, tag_sets={one: self.tags_.get(one, {}) for one in fleet})
        return sweep(self.plan, SweepPorts(registry, self, self, self, self.now_ms, deadline_s))

    def later(self, passed_ms: int = QUARTER_MS) -> "Fleet":
        self.now_ms += passed_ms
        return self

    def end(self, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        for name, known in self.workflow.statuses.items():
            if known is RunStatus.RUNNING:
                self.workflow.statuses[name] = status

    def ranges(self, status: RunStatus = RunStatus.SUCCEEDED) -> list[tuple[int, int]]:
        """First and last millisecond of executions that ended so."""
        requests = [
            AnalysisRequest.parse(one)
            for name, one in self.workflow.inputs.items()
            if self.workflow.statuses[name] is status
        ]
        return sorted((to_epoch_ms(one.start_timestamp), to_epoch_ms(one.end_timestamp)) for one in requests)


def test_a_new_stream_is_swept_from_its_first_sweep_on() -> None:
    fleet = Fleet()

    assert fleet.sweep().up_to_date == 1
    assert fleet.workflow.inputs == {}
    assert fleet.later().sweep().started == 1

    (request,) = (AnalysisRequest.parse(one) for one in fleet.workflow.inputs.values())
    assert request.image_selector_type == "SERVER_TIMESTAMP"
    assert request.allow_empty
    assert fleet.ranges(RunStatus.RUNNING) == [(NOON_MS - SETTLE_MS, NOON_MS + QUARTER_MS - SETTLE_MS - 1)]


def test_ranges_touch_and_never_overlap() -> None:
    fleet = Fleet()
    for _ in range(6):
        fleet.sweep()
        fleet.end()
        fleet.later(QUARTER_MS + 137)

    touching(fleet.ranges())
    assert len(fleet.ranges()) == 5


def test_one_execution_at_a_time() -> None:
    fleet = Fleet()
    fleet.sweep()
    fleet.later().sweep()

    assert fleet.later().sweep().running == 1
    assert len(fleet.workflow.inputs) == 1


def test_a_failed_execution_is_started_again_over_the_same_range() -> None:
    fleet = Fleet()
    fleet.sweep()
    fleet.later().sweep()
    fleet.end(RunStatus.FAILED)

    report = fleet.later().sweep()

    assert (report.started, report.started_again) == (0, 1)
    assert fleet.ranges(RunStatus.FAILED) == fleet.ranges(RunStatus.RUNNING)


def test_a_range_that_fails_for_ever_is_skipped_and_the_stream_is_swept_on() -> None:
    fleet = Fleet()
    fleet.sweep()
    fleet.later().sweep()
    bad = next(iter(fleet.workflow.inputs))
    reports = []
    for _ in range(96):
        for name in fleet.workflow.inputs:
            fleet.workflow.statuses[name] = RunStatus.FAILED if name.startswith(bad) else RunStatus.SUCCEEDED
        reports.append(fleet.later().sweep())

    started = [name.removeprefix(bad) for name in fleet.workflow.inputs if name.startswith(bad)]
    assert started == ["", "-2", "-3", "-4", "-5"]
    (given_up,) = (one for one in reports if one.given_up)
    assert given_up.started == 1
    assert f"the last one is {bad}-5, so the range is skipped" in given_up.warnings[0]
    assert reports[-1].lag_ms <= SETTLE_MS + 2 * QUARTER_MS
    assert reports.index(given_up) * QUARTER_MS >= 2 * 3_600_000  # it bridges an outage of two hours


def test_a_failed_range_that_expired_is_a_warning_and_skipped() -> None:
    fleet = Fleet([stream("cam", hours=1)])
    fleet.sweep()
    fleet.later().sweep()
    fleet.end(RunStatus.FAILED)

    report = fleet.later(5 * 3_600_000).sweep()

    assert (report.expired, report.started) == (1, 1)
    assert "expired before they were swept" in report.warnings[0]
    assert fleet.ranges(RunStatus.RUNNING)[0][0] >= fleet.now_ms - 3_600_000


def test_a_new_state_machine_gets_the_pending_range() -> None:
    fleet = Fleet()
    fleet.sweep()
    fleet.later().sweep()
    before = dict(fleet.workflow.inputs)
    fleet.workflow = FakeWorkflow()

    assert fleet.later().sweep().started_again == 1
    assert fleet.workflow.inputs == before


def test_a_long_range_is_swept_in_parts() -> None:
    fleet = Fleet([stream("cam", hours=48)])
    fleet.sweep()
    for _ in range(4):
        fleet.later(5 * 3_600_000).sweep()
        fleet.end()
    fleet.later(15 * 3_600_000)
    for _ in range(4):
        fleet.sweep()
        fleet.end()

    touching(fleet.ranges())
    assert max(last - first for first, last in fleet.ranges()) == LONGEST_RANGE_MS - 1
    assert fleet.ranges()[-1][1] == fleet.now_ms - SETTLE_MS - 1


def test_another_interval_leaves_no_gap() -> None:
    fleet = Fleet()
    for interval_ms in (1000, 1000, 7000, 7000, 400, 400):
        fleet.plan = every(interval_ms)
        fleet.sweep()
        fleet.end()
        fleet.later()

    touching(fleet.ranges())


def test_only_selected_streams_with_retention_are_swept() -> None:
    fleet = Fleet([stream("front"), stream("back"), stream("tagged"), stream("front-live", hours=0)])
    fleet.tags_[fleet.streams_[2].arn] = {"Place": "Porch"}
    fleet.plan = replace(fleet.plan, selection=StreamSelection.of(["front*"], [{"key": "Place", "values": ["Porch"]}]))

    report = fleet.sweep()

    assert (report.selected, report.up_to_date, report.no_retention) == (3, 2, 1)
    assert set(fleet.documents.documents) == {fleet.streams_[0].arn, fleet.streams_[2].arn}


def test_streams_that_were_not_reached_are_first_in_the_next_sweep() -> None:
    fleet = Fleet([stream(f"cam-{number}") for number in range(10)])
    fleet.sweep()
    fleet.later()
    fleet.clock_s = 0.0

    first = fleet.sweep(deadline_s=0.45)
    reached = {one["StreamARN"] for one in fleet.workflow.inputs.values()}
    fleet.end()
    fleet.later().sweep(deadline_s=fleet.clock_s + 0.45)

    assert first.started + first.pending == 10
    assert 0 < len(reached) < 10
    assert {one["StreamARN"] for one in fleet.workflow.inputs.values()} == {one.arn for one in fleet.streams_}


def test_an_error_of_one_stream_does_not_stop_the_others() -> None:
    fleet = Fleet([stream("a"), stream("b")])
    fleet.fate = iter([StorageBusyError("busy")])

    report = fleet.sweep()

    assert (report.failed, report.up_to_date) == (1, 1)
    assert report.warnings == ["a: StorageBusyError: busy"]


def test_a_checkpoint_that_cannot_be_read_begins_afresh_and_leaves_the_others_alone() -> None:
    fleet = Fleet(streams_=[stream("cam"), stream("garden")])
    fleet.sweep()
    fleet.documents.documents[fleet.streams_[0].arn] = Versioned(9, '{"sweptUntilMs": []}')

    report = fleet.later().sweep()
    assert (report.failed, len(fleet.workflow.inputs)) == (0, 1)
    assert any("cam: its checkpoint cannot be read" in one for one in report.warnings)

    assert fleet.later().sweep().failed == 0
    assert len(fleet.workflow.inputs) == 2


def touching(ranges: list[tuple[int, int]]) -> None:
    assert ranges
    for (_, last), (first, _) in itertools.pairwise(ranges):
        assert first == last + 1


_STEPS = st.one_of(st.integers(1, 3 * QUARTER_MS), st.sampled_from(["succeed", "fail", "replace", "overlap"]))


@given(st.lists(_STEPS, min_size=1, max_size=25), st.lists(st.integers(0, 9), max_size=80))
def test_ranges_have_no_gap_and_no_overlap_whatever_fails(steps: list[int | str], luck: list[int]) -> None:
    fleet = Fleet([stream("cam", hours=1000)])
    fleet.sweep()
    done: list[tuple[int, int]] = []
    fleet.fate = iter({0: Died("here"), 1: ThrottledError("busy")}.get(one) for one in luck)
    for step in steps:
        match step:
            case int():
                fleet.later(step)
            case "succeed":
                fleet.end()
            case "fail":
                fleet.end(RunStatus.FAILED)
            case "replace":
                done += fleet.ranges()
                fleet.workflow = FakeWorkflow()
            case _:
                _swept(fleet)
        _swept(fleet)
    fleet.fate = iter(())
    for _ in range(40):
        fleet.sweep()
        fleet.end()
        fleet.later(SETTLE_MS)

    # A new state machine may be given a range that the old one had ended: that is the same range.
    touching(sorted({*done, *fleet.ranges()}))
    assert {*done, *fleet.ranges()}
    assert min({*done, *fleet.ranges()})[0] == NOON_MS - SETTLE_MS


def _swept(fleet: Fleet) -> None:
    try:
        fleet.sweep()
    except Died:
        return


@pytest.mark.parametrize("hours", [1, 24])
def test_the_warning_of_short_retention_has_a_fix(hours: int) -> None:
    fleet = Fleet([stream("cam", hours=hours)])
    fleet.sweep()

    report = fleet.later((hours + 2) * 3_600_000).sweep()

    assert report.expired == 1
    assert f"the retention is {hours} hours, raise it or sweep more often" in report.warnings[0]


def test_streams_that_are_not_selected_do_not_delay_the_selected() -> None:
    fleet = Fleet([*(stream(f"other-{number}") for number in range(200)), stream("tagged")])
    fleet.tags_[fleet.streams_[-1].arn] = {"Place": "Porch"}
    fleet.plan = replace(fleet.plan, selection=StreamSelection.of([], [{"key": "Place", "values": ["Porch"]}]))
    fleet.sweep()

    # At ten calls a second the tags alone would take twenty seconds, at forty they take five.
    fleet.clock_s = 0.0
    assert fleet.later().sweep(deadline_s=15.0).started == 1


def test_a_stream_that_is_not_analyzed_is_not_swept() -> None:
    fleet = Fleet(streams_=[stream("cam"), stream("off")])
    sampling = SweepSampling(1000, SETTLE_MS)
    fleet.plan = SweepSettings(StreamSelection.of(["*"], []), {"cam": sampling}.get)

    report = fleet.sweep()

    assert report.selected == 1
    assert set(fleet.documents.all()) == {stream("cam").arn}
