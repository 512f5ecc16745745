"""sweep_streams: runs the on-demand workflow on every selected stream, from the end of its last sweep.

Ranges are half open, on the sampling grid, by server timestamp, by which no fragment arrives late: a range starts where
the previous one ended. A range is saved before its execution is started under a name that contains the range, and the
checkpoint moves only after the execution succeeded, so a sweep may stop at any step and the next one continues. There
is one execution per stream at a time. A range whose executions all failed is skipped, to be restarted by
`kinesight redrive`, so that it does not keep the stream from being swept.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from kinesight.domain.batches import run_safely
from kinesight.domain.errors import KinesightError, StreamGoneError
from kinesight.domain.model import Value
from kinesight.domain.on_demand.executions import AnalysisRun, on_grid
from kinesight.domain.on_demand.ports import AnalysisWorkflow, RunStatus
from kinesight.domain.ports import StreamDirectory, Versioned, VersionedDocuments, VideoStream
from kinesight.domain.rate_limit import Clock, Pace
from kinesight.domain.streams.discovery import find_selected
from kinesight.domain.streams.selection import StreamSelection

LONGEST_RANGE_MS = 6 * 3_600_000
"""Maximum range of one execution when a stream has to catch up."""
CALLS_PER_SECOND = 10.0
"""Well below the quotas of StartExecution and DescribeExecution ("Quotas"), which other clients share."""
TAGS_PER_SECOND = 40.0
"""KVS allows 50 calls per second and account."""
_RETRY_DELAYS_MS = (0, 900_000, 1_800_000, 3_600_000)
"""From a failed execution to the next one of its range: together they bridge an outage of two hours."""
MOST_ATTEMPTS = len(_RETRY_DELAYS_MS) + 1
_MARGIN_MS = 60_000
_WARNINGS = 20


class PendingRange(Value):
    """A range of server timestamps in epoch milliseconds, end excluded; `attempt` counts its executions. `retry_at_ms`
    is when the next one starts, after one has failed."""

    start_ms: int
    end_ms: int
    interval_ms: int
    attempt: int = 1
    retry_at_ms: int | None = None


class Checkpoint(Value):
    """All media before `swept_until_ms` is analyzed, or expired before it could be."""

    swept_until_ms: int
    pending: PendingRange | None = None


@dataclass(slots=True)
class SweepReport:
    """Result of a sweep, counted by stream. `lag_ms` is the largest lag of a checkpoint behind the current time."""

    selected: int = 0
    started: int = 0
    started_again: int = 0
    running: int = 0
    waiting: int = 0
    up_to_date: int = 0
    no_retention: int = 0
    expired: int = 0
    failed: int = 0
    given_up: int = 0
    pending: int = 0
    lag_ms: int = 0
    warnings: list[str] = field(default_factory=list)

    def warn(self, message: str) -> None:
        if len(self.warnings) < _WARNINGS:
            self.warnings.append(message)


@dataclass(frozen=True, slots=True)
class SweepPorts:
    """Ports of this function. `now_ms` is the current time in epoch milliseconds. Streams that are not reached by
    `deadline_s` of `clock` are left to the next sweep."""

    registry: StreamDirectory
    checkpoints: VersionedDocuments
    workflow: AnalysisWorkflow
    clock: Clock
    now_ms: int
    deadline_s: float


@dataclass(frozen=True, slots=True)
class SweepSampling:
    """`interval_ms` is the time between images; a fragment that started `settle_ms` ago has been stored."""

    interval_ms: int
    settle_ms: int


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """`sampling` is called with the name of a stream, and returns None if it is not analyzed."""

    selection: StreamSelection
    sampling: Callable[[str], SweepSampling | None]


def sweep(settings: SweepSettings, ports: SweepPorts) -> SweepReport:
    """Sweeps all streams once. Errors of one stream are in the report. Raises the errors of listing streams."""
    return _Sweep(settings, ports).run()


class _Sweep:
    def __init__(self, settings: SweepSettings, ports: SweepPorts) -> None:
        self._settings = settings
        self._samplings: dict[str, SweepSampling] = {}
        """By ARN."""
        self._ports = ports
        self._pace = Pace(ports.clock, CALLS_PER_SECOND)
        self._report = SweepReport()

    def run(self) -> SweepReport:
        known = self._ports.checkpoints.all()
        found = find_selected(
            self._ports.registry.streams(),
            self._settings.selection,
            self._ports.registry.tags,
            Pace(self._ports.clock, TAGS_PER_SECOND),
            is_late=self._is_late,
        )
        for stream in found.selected:
            self._guard(stream, partial(self._read_sampling, stream))
        selected = [stream for stream in found.selected if stream.arn in self._samplings]
        self._report.selected, self._report.pending = len(selected), len(found.late)
        for stream, error in found.unknown:
            self._fail(stream, error)
        for stream in _farthest_behind_first(selected, known):
            if self._is_late():
                self._report.pending += 1
                continue
            self._guard(stream, partial(self._advance, stream, known.get(stream.arn, Versioned(0, None))))
        return self._report

    def _guard(self, stream: VideoStream, action: Callable[[], None]) -> None:
        error = run_safely(action)
        if error is not None:
            self._fail(stream, error)

    def _read_sampling(self, stream: VideoStream) -> None:
        sampling = self._settings.sampling(stream.name)
        if sampling is not None:
            self._samplings[stream.arn] = sampling

    def _is_late(self) -> bool:
        return self._ports.clock.now_s() >= self._ports.deadline_s

    def _fail(self, stream: VideoStream, error: KinesightError) -> None:
        if not isinstance(error, StreamGoneError):
            self._report.failed += 1
            self._report.warn(f"{stream.name}: {type(error).__name__}: {error}")

    def _advance(self, stream: VideoStream, found: Versioned) -> None:
        if stream.retention_hours == 0:
            self._report.no_retention += 1
            self._report.warn(f"{stream.name} keeps no media (DataRetentionInHours is 0), so it cannot be swept")
            return
        version, checkpoint = found.version, _checkpoint(found)
        if checkpoint is None:
            # Older media is not swept; start an execution for it.
            if version:
                self._report.warn(f"{stream.name}: its checkpoint cannot be read, so sweeping begins now")
            newest_ms = self._newest_ms(self._samplings[stream.arn])
            self._save(stream, Checkpoint(swept_until_ms=newest_ms), version)
            self._report.up_to_date += 1
            return
        self._report.lag_ms = max(self._report.lag_ms, self._ports.now_ms - checkpoint.swept_until_ms)
        if checkpoint.pending is not None:
            swept = self._check_pending(stream, checkpoint, checkpoint.pending, version)
            if swept is None:
                return
            checkpoint, version = swept, version + 1
        self._begin(stream, checkpoint, version)

    def _check_pending(
        self, stream: VideoStream, checkpoint: Checkpoint, pending: PendingRange, version: int
    ) -> Checkpoint | None:
        """Returns the checkpoint after a pending range that is finished, or None while it is not."""
        name = _run(stream, pending).execution_name("sweep", pending.attempt)
        match self._pace.call("DescribeExecution", lambda: self._ports.workflow.status(name)):
            case RunStatus.RUNNING:
                self._report.running += 1
            case RunStatus.SUCCEEDED:
                checkpoint = Checkpoint(swept_until_ms=pending.end_ms)
                return checkpoint if self._save(stream, checkpoint, version) else None
            case RunStatus.FAILED if pending.end_ms <= self._kept_since_ms(stream):
                checkpoint = Checkpoint(swept_until_ms=pending.start_ms)
                return checkpoint if self._save(stream, checkpoint, version) else None
            case RunStatus.FAILED if pending.attempt >= MOST_ATTEMPTS:
                return self._give_up(stream, pending, name, version)
            case RunStatus.FAILED:
                self._retry(stream, checkpoint, pending, version)
            case None:
                # The sweep stopped after saving the range, or the state machine is new.
                self._start(stream, pending)
                self._report.started_again += 1
        return None

    def _retry(self, stream: VideoStream, checkpoint: Checkpoint, pending: PendingRange, version: int) -> None:
        """Starts the next execution of a range when its time has come."""
        retry_at_ms = pending.retry_at_ms
        if retry_at_ms is None:
            retry_at_ms = self._ports.now_ms + _RETRY_DELAYS_MS[pending.attempt - 1]
        if retry_at_ms > self._ports.now_ms:
            self._report.waiting += 1
            if pending.retry_at_ms is None:
                waiting = pending.model_copy(update={"retry_at_ms": retry_at_ms})
                self._save(stream, checkpoint.model_copy(update={"pending": waiting}), version)
            return
        again = pending.model_copy(update={"attempt": pending.attempt + 1, "retry_at_ms": None})
        if self._save(stream, checkpoint.model_copy(update={"pending": again}), version):
            self._start(stream, again)
            self._report.started_again += 1

    def _give_up(self, stream: VideoStream, pending: PendingRange, name: str, version: int) -> Checkpoint | None:
        """Skips a range; returns the checkpoint behind it."""
        checkpoint = Checkpoint(swept_until_ms=pending.end_ms)
        if not self._save(stream, checkpoint, version):
            return None
        self._report.given_up += 1
        self._report.warn(
            f"{stream.name}: {MOST_ATTEMPTS} executions of a range failed, the last one is {name}, so the range is "
            "skipped: fix the cause, then run kinesight redrive --queue executions"
        )
        return checkpoint

    def _begin(self, stream: VideoStream, checkpoint: Checkpoint, version: int) -> None:
        sampling = self._samplings[stream.arn]
        interval_ms = sampling.interval_ms
        start_ms = self._oldest(stream, checkpoint, interval_ms)
        end_ms = min(self._newest_ms(sampling), start_ms + max(on_grid(LONGEST_RANGE_MS, interval_ms), interval_ms))
        if end_ms <= start_ms:
            self._report.up_to_date += 1
            return
        pending = PendingRange(start_ms=start_ms, end_ms=end_ms, interval_ms=interval_ms)
        if self._save(stream, Checkpoint(swept_until_ms=start_ms, pending=pending), version):
            self._start(stream, pending)
            self._report.started += 1

    def _oldest(self, stream: VideoStream, checkpoint: Checkpoint, interval_ms: int) -> int:
        """Returns where to continue: at the checkpoint, or at the oldest media that KVS still stores."""
        kept_ms = self._kept_since_ms(stream)
        if checkpoint.swept_until_ms >= kept_ms:
            return checkpoint.swept_until_ms
        self._report.expired += 1
        lost_s = (kept_ms - checkpoint.swept_until_ms) // 1000
        self._report.warn(
            f"{stream.name}: {lost_s} s expired before they were swept; the retention is "
            f"{stream.retention_hours} hours, raise it or sweep more often"
        )
        return on_grid(kept_ms, interval_ms)

    def _newest_ms(self, sampling: SweepSampling) -> int:
        return on_grid(self._ports.now_ms - sampling.settle_ms, sampling.interval_ms)

    def _kept_since_ms(self, stream: VideoStream) -> int:
        return self._ports.now_ms - stream.retention_hours * 3_600_000 + _MARGIN_MS

    def _start(self, stream: VideoStream, pending: PendingRange) -> None:
        run = _run(stream, pending)
        name, document = run.execution_name("sweep", pending.attempt), run.document(allow_empty=True)
        self._pace.call("StartExecution", partial(self._ports.workflow.start, name, document))

    def _save(self, stream: VideoStream, checkpoint: Checkpoint, version: int) -> bool:
        """Saves a checkpoint; False if a concurrent sweep saved first, which then continues with this stream."""
        return self._ports.checkpoints.save(stream.arn, checkpoint.model_dump_json(), version)


def _farthest_behind_first(streams: Iterable[VideoStream], known: Mapping[str, Versioned]) -> list[VideoStream]:
    """Sorts streams by the end of their last range, so that more streams than fit one sweep are swept evenly."""

    def until_ms(stream: VideoStream) -> int:
        checkpoint = _checkpoint(known.get(stream.arn, Versioned(0, None)))
        if checkpoint is None:
            return 0
        return checkpoint.pending.end_ms if checkpoint.pending else checkpoint.swept_until_ms

    return sorted(streams, key=until_ms)


def _checkpoint(found: Versioned) -> Checkpoint | None:
    return Checkpoint.stored(found.body)


def _run(stream: VideoStream, pending: PendingRange) -> AnalysisRun:
    """Returns the execution of a range. Ranges of the workflow include their end, so it ends a millisecond earlier."""
    return AnalysisRun(stream.arn, "SERVER_TIMESTAMP", pending.start_ms, pending.end_ms - 1, pending.interval_ms)
