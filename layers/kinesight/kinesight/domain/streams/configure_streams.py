"""configure_streams: every selected stream has the wanted image generation and notification configuration.

What a stream had before is remembered before anything is changed, and given back when the stream leaves the
selection, when a feature is switched off, or when the stack is deleted; but not over somebody else's later change.
Every step can be cut off anywhere: the next run finds out what is left to do.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Any

from kinesight.domain.errors import (
    KinesightError,
    NoRetentionError,
    StillInProgressError,
    StreamBusyError,
    StreamGoneError,
)
from kinesight.domain.rate_limit import Clock, Pace
from kinesight.domain.streams.configuration import (
    Configuration,
    Feature,
    Managed,
    ManagedStreams,
    StreamRegistry,
    VideoStream,
    Wanted,
    same,
)
from kinesight.domain.streams.discovery import WORKERS, Found, find_selected

CALLS_PER_SECOND = 40.0
"""KVS allows 50 a second for each of the calls used here, per account; the rest is for everybody else."""
VERIFY_EVERY_S = 1800.0
"""A stream that was right is looked at again after this time: drift is rare, 10,000 streams are 20,000 calls."""
LOCK_S = 930.0
"""A little longer than a function may run, so that a lock never outlives its holder for long."""
_LOCK_PATIENCE_S = 300.0
_LOCK_POLL_S = 5.0
_WARNINGS = 20


@dataclass(slots=True)
class ConfigureStreamsReport:
    """What a run did, counted by stream and feature; `warnings` are sentences for a person."""

    selected: int = 0
    updated: int = 0
    unchanged: int = 0
    restored: int = 0
    no_retention: int = 0
    busy: int = 0
    vanished: int = 0
    failed: int = 0
    pending: int = 0
    skipped: bool = False
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        if len(self.warnings) < _WARNINGS:
            self.warnings.append(sentence)


@dataclass(frozen=True, slots=True)
class ConfigureStreamsPorts:
    """The outside world of this verb. `deadline_s` is on the clock of `clock`: what isn't reached by then waits."""

    registry: StreamRegistry
    managed: ManagedStreams
    clock: Clock
    epoch_s: float
    deadline_s: float
    workers: int = WORKERS


def refresh(wanted: Wanted, ports: ConfigureStreamsPorts) -> ConfigureStreamsReport:
    """A scheduled run: does nothing while another run is under way, or once the stack is being deleted."""
    token = ports.managed.lock(LOCK_S)
    if token is None or ports.managed.retired():
        if token is not None:
            ports.managed.unlock(token)
        return ConfigureStreamsReport(skipped=True)
    return _locked(token, ports, wanted)


def apply(wanted: Wanted, ports: ConfigureStreamsPorts) -> ConfigureStreamsReport:
    """A deployment's run: waits for another one to end. Raises StillInProgressError if that takes too long."""
    token = _await_lock(ports)
    ports.managed.retire(False)
    return _locked(token, ports, wanted)


def restore_all(ports: ConfigureStreamsPorts) -> ConfigureStreamsReport:
    """A deletion's run: gives everything back, and leaves word that nothing is to be set again."""
    token = _await_lock(ports)
    ports.managed.retire(True)
    return _locked(token, ports, None)


def _await_lock(ports: ConfigureStreamsPorts) -> str:
    give_up_s = ports.clock.now_s() + _LOCK_PATIENCE_S
    while (token := ports.managed.lock(LOCK_S)) is None:
        if ports.clock.now_s() > give_up_s:
            raise StillInProgressError("another run of configure_streams holds the lock; try again in 15 minutes")
        ports.clock.sleep_s(_LOCK_POLL_S)
    return token


def _locked(token: str, ports: ConfigureStreamsPorts, wanted: Wanted | None) -> ConfigureStreamsReport:
    try:
        return _Run(ports, wanted).run()
    finally:
        ports.managed.unlock(token)


class _Run:
    """One pass over the fleet."""

    def __init__(self, ports: ConfigureStreamsPorts, wanted: Wanted | None) -> None:
        self._ports = ports
        self._wanted = wanted
        self._pace = Pace(ports.clock, CALLS_PER_SECOND)
        self._report = ConfigureStreamsReport()
        self._lock = Lock()

    def run(self) -> ConfigureStreamsReport:
        streams = {stream.arn: stream for stream in self._ports.registry.streams()}
        remembered = {(one.stream_arn, one.feature): one for one in self._ports.managed.all()}
        found = self._found(streams.values())
        selected, untold = found.selected, {stream.arn for stream, _ in found.unknown}
        self._report.selected = len(selected)
        work = [(stream, feature) for stream in selected for feature in Feature]
        self._each(work, lambda pair: self._settle(pair[0], pair[1], remembered))
        kept = {
            (stream.arn, feature)
            for stream, feature in work
            if self._wanted is not None and self._wanted.configuration(feature, stream) is not None
        }
        leaving = [one for key, one in remembered.items() if key not in kept and one.stream_arn not in untold]
        self._each(
            leaving, lambda one: self._guard(one.stream_name, partial(self._restore, one, one.stream_arn in streams))
        )
        return self._report

    def _found(self, streams: Iterable[VideoStream]) -> Found:
        if self._wanted is None:
            return Found()
        found = find_selected(
            streams,
            self._wanted.selection,
            self._ports.registry.tags,
            self._pace,
            is_late=self._is_late,
            workers=self._ports.workers,
        )
        self._count(pending=len(found.late))
        for stream, error in found.unknown:
            self._guard(stream.name, partial(_fail, error))
        return found

    def _is_late(self) -> bool:
        return self._ports.clock.now_s() >= self._ports.deadline_s

    def _each[T](self, items: Sequence[T], action: Any) -> None:
        def timely(item: T) -> None:
            if self._is_late():
                self._count(pending=1)
            else:
                action(item)

        with ThreadPoolExecutor(self._ports.workers) as pool:
            list(pool.map(timely, items))

    # -- one stream ----------------------------------------------------------------------------------------------

    def _settle(self, stream: VideoStream, feature: Feature, remembered: Mapping[tuple[str, Feature], Managed]) -> None:
        assert self._wanted is not None  # noqa: S101 - nothing is selected without it
        wanted = self._wanted.configuration(feature, stream)
        if wanted is None:
            return
        if not stream.active:
            self._count(busy=1)
            return
        if stream.retention_hours == 0:
            self._no_retention(stream.name)
            return
        known = remembered.get((stream.arn, feature))
        if known is not None and self._is_fresh(known, wanted):
            self._count(unchanged=1)
            return
        self._guard(stream.name, lambda: self._put(stream, feature, wanted, known))

    def _is_fresh(self, known: Managed, wanted: Configuration) -> bool:
        recent = self._ports.epoch_s - known.verified_at_s < VERIFY_EVERY_S
        return recent and same(known.applied[-1], wanted)

    def _put(self, stream: VideoStream, feature: Feature, wanted: Configuration, known: Managed | None) -> None:
        present = self._describe(feature, stream.arn)
        if known is None:
            fresh = Managed(stream.name, stream.arn, feature, present, (wanted,), 0)
            known = self._ports.managed.add(fresh)
        if same(present, wanted):
            self._count(unchanged=1)
        else:
            if not same(known.applied[-1], wanted):
                known = replace(known, applied=(known.applied[-1], wanted), verified_at_s=0)
                self._ports.managed.update(known)
            self._configure(feature, stream.arn, wanted)
            self._count(updated=1)
        self._ports.managed.update(replace(known, applied=(wanted,), verified_at_s=self._ports.epoch_s))

    def _restore(self, one: Managed, exists: bool) -> None:
        if exists:
            present = self._describe(one.feature, one.stream_arn)
            if any(same(present, applied) for applied in one.applied):
                self._configure(one.feature, one.stream_arn, one.original)
            elif not same(present, one.original):
                self._warn(
                    f"{one.stream_name}: its {one.feature} configuration was changed by somebody else; left as it is"
                )
        self._ports.managed.forget(one)
        self._count(restored=1)

    def _describe(self, feature: Feature, stream_arn: str) -> Configuration | None:
        registry = self._ports.registry
        return self._pace.call(f"Describe {feature}", lambda: registry.configuration(feature, stream_arn))

    def _configure(self, feature: Feature, stream_arn: str, configuration: Configuration | None) -> None:
        registry = self._ports.registry
        self._pace.call(f"Update {feature}", lambda: registry.configure(feature, stream_arn, configuration))

    # -- what goes wrong on one stream doesn't stop the others ---------------------------------------------------

    def _guard(self, stream_name: str, action: Any) -> None:
        try:
            action()
        except NoRetentionError:
            self._no_retention(stream_name)
        except StreamGoneError:
            self._count(vanished=1)
        except StreamBusyError:
            self._count(busy=1)
        except KinesightError as error:
            self._count(failed=1)
            self._warn(f"{stream_name}: {error}")

    def _no_retention(self, stream_name: str) -> None:
        self._count(no_retention=1)
        self._warn(
            f"{stream_name} keeps no media (DataRetentionInHours is 0), so KVS generates nothing from it. To mend: "
            f"aws kinesisvideo update-data-retention --stream-name {stream_name} --operation INCREASE_DATA_RETENTION "
            "--data-retention-change-in-hours 24 --current-version $(aws kinesisvideo describe-stream --stream-name "
            f"{stream_name} --query StreamInfo.Version --output text)"
        )

    def _count(self, **deltas: int) -> None:
        with self._lock:
            for name, delta in deltas.items():
                setattr(self._report, name, getattr(self._report, name) + delta)

    def _warn(self, sentence: str) -> None:
        with self._lock:
            if sentence not in self._report.warnings:
                self._report.warn(sentence)


def _fail(error: KinesightError) -> None:
    raise error
