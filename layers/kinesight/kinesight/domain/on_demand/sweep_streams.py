"""sweep_streams: the on-demand workflow over every selected stream, from where the last sweep ended.

Ranges are half open on the sampling grid, by the server's clock, on which no fragment turns up late: the next one
begins where the last one ended. A range is written down before its execution is started, under a name that says it, and
the checkpoint moves on only after the execution succeeded: whatever is cut off where, the next sweep finds the range
and goes on with it. One execution per stream at a time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from kinesight.domain.errors import KinesightError, StreamGoneError
from kinesight.domain.model import Value
from kinesight.domain.on_demand.executions import AnalysisRun, on_grid
from kinesight.domain.on_demand.ports import AnalysisWorkflow, RunStatus
from kinesight.domain.ports import StreamDirectory, Versioned, VersionedDocuments, VideoStream
from kinesight.domain.rate_limit import Clock, Pace
from kinesight.domain.streams.discovery import find_selected
from kinesight.domain.streams.selection import StreamSelection

LONGEST_RANGE_MS = 6 * 3_600_000
"""One execution's share of a long way to catch up."""
CALLS_PER_SECOND = 10.0
"""Well below what Step Functions gives StartExecution and DescribeExecution ("Quotas"), which others use too."""
TAGS_PER_SECOND = 40.0
"""KVS allows 50 a second, per account."""
_MARGIN_MS = 60_000
_WARNINGS = 20


class PendingRange(Value):
    """Milliseconds of the server's clock, the end not included; `attempt` counts executions."""

    start_ms: int
    end_ms: int
    interval_ms: int
    attempt: int = 1


class Checkpoint(Value):
    """Everything before `swept_until_ms` is analyzed, or KVS had dropped it before it could be."""

    swept_until_ms: int
    pending: PendingRange | None = None


@dataclass(slots=True)
class SweepReport:
    """What a sweep did, counted by stream; `warnings` are sentences for a person. `lag_ms`: the farthest any
    checkpoint lies behind the present."""

    selected: int = 0
    started: int = 0
    started_again: int = 0
    running: int = 0
    up_to_date: int = 0
    no_retention: int = 0
    expired: int = 0
    failed: int = 0
    pending: int = 0
    lag_ms: int = 0
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        if len(self.warnings) < _WARNINGS:
            self.warnings.append(sentence)


@dataclass(frozen=True, slots=True)
class SweepPorts:
    """The outside world of this verb. `now_ms`: the present, epoch milliseconds. What is not reached by `deadline_s`,
    on the clock of `clock`, waits for the next sweep."""

    registry: StreamDirectory
    checkpoints: VersionedDocuments
    workflow: AnalysisWorkflow
    clock: Clock
    now_ms: int
    deadline_s: float


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """`interval_ms` between pictures. `settle_ms`: a fragment that began this long ago has been stored."""

    selection: StreamSelection
    interval_ms: int
    settle_ms: int


def sweep(plan: SweepSettings, ports: SweepPorts) -> SweepReport:
    """One pass over the fleet; what one stream could not do is in the report. Raises what listing raises."""
    return _Sweep(plan, ports).run()


class _Sweep:
    def __init__(self, plan: SweepSettings, ports: SweepPorts) -> None:
        self._selection = plan.selection
        self._interval_ms = plan.interval_ms
        self._newest_ms = on_grid(ports.now_ms - plan.settle_ms, plan.interval_ms)
        self._ports = ports
        self._pace = Pace(ports.clock, CALLS_PER_SECOND)
        self._report = SweepReport()

    def run(self) -> SweepReport:
        known = self._ports.checkpoints.all()
        found = find_selected(
            self._ports.registry.streams(),
            self._selection,
            self._ports.registry.tags,
            Pace(self._ports.clock, TAGS_PER_SECOND),
            is_late=self._is_late,
        )
        self._report.selected, self._report.pending = len(found.selected), len(found.late)
        for stream, error in found.unknown:
            self._fail(stream, error)
        for stream in _farthest_behind_first(found.selected, known):
            if self._is_late():
                self._report.pending += 1
                continue
            try:
                self._advance(stream, known.get(stream.arn, Versioned(0, None)))
            except KinesightError as error:
                self._fail(stream, error)
        return self._report

    def _is_late(self) -> bool:
        return self._ports.clock.now_s() >= self._ports.deadline_s

    def _fail(self, stream: VideoStream, error: KinesightError) -> None:
        if not isinstance(error, StreamGoneError):
            self._report.failed += 1
            self._report.warn(f"{stream.name}: {type(error).__name__}: {error}")

    def _advance(self, stream: VideoStream, found: Versioned) -> None:
        if stream.retention_hours == 0:
            self._report.no_retention += 1
            self._report.warn(f"{stream.name} keeps no media (DataRetentionInHours is 0), so there is nothing to sweep")
            return
        version, checkpoint = found.version, _checkpoint(found)
        if checkpoint is None:
            # Nothing of the past: that is what an execution by hand is for.
            self._saved(stream, Checkpoint(swept_until_ms=self._newest_ms), version)
            self._report.up_to_date += 1
            return
        self._report.lag_ms = max(self._report.lag_ms, self._ports.now_ms - checkpoint.swept_until_ms)
        if checkpoint.pending is not None:
            swept = self._settled(stream, checkpoint, checkpoint.pending, version)
            if swept is None:
                return
            checkpoint, version = swept, version + 1
        self._begin(stream, checkpoint, version)

    def _settled(
        self, stream: VideoStream, checkpoint: Checkpoint, pending: PendingRange, version: int
    ) -> Checkpoint | None:
        """The checkpoint behind a pending range that is done, or None while it is not."""
        name = _run(stream, pending).execution_name("sweep", pending.attempt)
        match self._pace.call("DescribeExecution", lambda: self._ports.workflow.status(name)):
            case RunStatus.RUNNING:
                self._report.running += 1
            case RunStatus.SUCCEEDED:
                checkpoint = Checkpoint(swept_until_ms=pending.end_ms)
                return checkpoint if self._saved(stream, checkpoint, version) else None
            case RunStatus.FAILED if pending.end_ms <= self._kept_since_ms(stream):
                checkpoint = Checkpoint(swept_until_ms=pending.start_ms)
                return checkpoint if self._saved(stream, checkpoint, version) else None
            case RunStatus.FAILED:
                again = pending.model_copy(update={"attempt": pending.attempt + 1})
                if self._saved(stream, checkpoint.model_copy(update={"pending": again}), version):
                    self._start(stream, again)
                    self._report.started_again += 1
            case None:
                # Written down, but cut off before it was started, or the state machine is a new one.
                self._start(stream, pending)
                self._report.started_again += 1
        return None

    def _begin(self, stream: VideoStream, checkpoint: Checkpoint, version: int) -> None:
        start_ms = self._oldest(stream, checkpoint)
        end_ms = min(self._newest_ms, start_ms + max(on_grid(LONGEST_RANGE_MS, self._interval_ms), self._interval_ms))
        if end_ms <= start_ms:
            self._report.up_to_date += 1
            return
        pending = PendingRange(start_ms=start_ms, end_ms=end_ms, interval_ms=self._interval_ms)
        if self._saved(stream, Checkpoint(swept_until_ms=start_ms, pending=pending), version):
            self._start(stream, pending)
            self._report.started += 1

    def _oldest(self, stream: VideoStream, checkpoint: Checkpoint) -> int:
        """Where to go on: at the checkpoint, or with what KVS still has."""
        kept_ms = self._kept_since_ms(stream)
        if checkpoint.swept_until_ms >= kept_ms:
            return checkpoint.swept_until_ms
        self._report.expired += 1
        lost_s = (kept_ms - checkpoint.swept_until_ms) // 1000
        self._report.warn(
            f"{stream.name}: {lost_s} s expired before they could be swept; its retention is "
            f"{stream.retention_hours} hours, raise it or sweep more often"
        )
        return on_grid(kept_ms, self._interval_ms)

    def _kept_since_ms(self, stream: VideoStream) -> int:
        return self._ports.now_ms - stream.retention_hours * 3_600_000 + _MARGIN_MS

    def _start(self, stream: VideoStream, pending: PendingRange) -> None:
        run = _run(stream, pending)
        name, document = run.execution_name("sweep", pending.attempt), run.document(allow_empty=True)
        self._pace.call("StartExecution", partial(self._ports.workflow.start, name, document))

    def _saved(self, stream: VideoStream, checkpoint: Checkpoint, version: int) -> bool:
        """False if another sweep was faster, which then goes on with this stream."""
        return self._ports.checkpoints.save(stream.arn, checkpoint.model_dump_json(), version)


def _farthest_behind_first(streams: Iterable[VideoStream], known: Mapping[str, Versioned]) -> list[VideoStream]:
    """So that a fleet too large for one sweep is swept evenly: by where what was taken on last ends."""

    def until_ms(stream: VideoStream) -> int:
        checkpoint = _checkpoint(known.get(stream.arn, Versioned(0, None)))
        if checkpoint is None:
            return 0
        return checkpoint.pending.end_ms if checkpoint.pending else checkpoint.swept_until_ms

    return sorted(streams, key=until_ms)


def _checkpoint(found: Versioned) -> Checkpoint | None:
    return None if found.body is None else Checkpoint.model_validate_json(found.body)


def _run(stream: VideoStream, pending: PendingRange) -> AnalysisRun:
    """The workflow's ranges include their ends, so this one ends a millisecond earlier."""
    return AnalysisRun(stream.arn, "SERVER_TIMESTAMP", pending.start_ms, pending.end_ms - 1, pending.interval_ms)
