"""configure_streams: sets image generation and notification on every selected stream.

Settings that send to the destination of another owner are left alone unless the camera may be taken over. The previous
settings of a stream are stored before it is changed, and restored when the stream leaves the selection, when a feature
is switched off, or when the stack is deleted, but never over a later change from elsewhere. A run may stop at any step:
the next run completes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Any

from kinesight.domain.batches import run_safely
from kinesight.domain.errors import (
    KinesightError,
    NoRetentionError,
    StillInProgressError,
    StreamBusyError,
    StreamGoneError,
)
from kinesight.domain.ports import VideoStream
from kinesight.domain.rate_limit import Clock, Pace
from kinesight.domain.streams.discovery import WORKERS, Found, find_selected
from kinesight.domain.streams.stream_settings import (
    ConfigurableStreams,
    Feature,
    FeatureSettings,
    ManagedFeature,
    ManagedStreams,
    StreamFeatures,
    StreamSettings,
    StreamTags,
    drift,
    equal_settings,
    foreign_destination,
)

CALLS_PER_SECOND = 40.0
"""Of 50 calls per second and account that KVS allows for each API used here; other clients need the rest."""
VERIFY_EVERY_S = 1800.0
"""Time after which a correct stream is checked again: drift is rare, and 10,000 streams take 20,000 calls."""
LOCK_S = 930.0
"""Slightly longer than a function may run, so that the lock of a stopped run soon expires."""
_LOCK_TIMEOUT_S = 300.0
_LOCK_POLL_S = 5.0
_WARNINGS = 20


@dataclass(slots=True)
class ConfigureStreamsReport:
    """Result of a run, counted by stream and feature."""

    selected: int = 0
    updated: int = 0
    unchanged: int = 0
    restored: int = 0
    theirs: int = 0
    no_retention: int = 0
    busy: int = 0
    vanished: int = 0
    failed: int = 0
    pending: int = 0
    skipped: bool = False
    warnings: list[str] = field(default_factory=list)

    def warn(self, message: str) -> None:
        if len(self.warnings) < _WARNINGS:
            self.warnings.append(message)


@dataclass(frozen=True, slots=True)
class ConfigureStreamsPorts:
    """Ports of this function. Streams that are not reached by `deadline_s` of `clock` are left to the next run."""

    registry: ConfigurableStreams
    managed: ManagedStreams
    tags: StreamTags
    clock: Clock
    epoch_s: float
    deadline_s: float
    workers: int = WORKERS


def refresh(desired: StreamSettings, ports: ConfigureStreamsPorts) -> ConfigureStreamsReport:
    """Runs on schedule: does nothing while another run holds the lock, or once the stack is being deleted."""
    token = ports.managed.lock(LOCK_S)
    if token is None or ports.managed.retired():
        if token is not None:
            ports.managed.unlock(token)
        return ConfigureStreamsReport(skipped=True)
    return _run_locked(token, ports, desired)


def apply(desired: StreamSettings, ports: ConfigureStreamsPorts) -> ConfigureStreamsReport:
    """Runs for a deployment, after waiting for the lock. Raises StillInProgressError if that takes too long."""
    token = _await_lock(ports)
    ports.managed.retire(False)
    return _run_locked(token, ports, desired)


def restore_all(ports: ConfigureStreamsPorts) -> ConfigureStreamsReport:
    """Runs for a deletion: restores every stream, and marks the stack as deleted."""
    token = _await_lock(ports)
    ports.managed.retire(True)
    return _run_locked(token, ports, None)


def _await_lock(ports: ConfigureStreamsPorts) -> str:
    give_up_s = ports.clock.now_s() + _LOCK_TIMEOUT_S
    while (token := ports.managed.lock(LOCK_S)) is None:
        if ports.clock.now_s() > give_up_s:
            raise StillInProgressError("another run of configure_streams holds the lock; try again in 15 minutes")
        ports.clock.sleep_s(_LOCK_POLL_S)
    return token


def _run_locked(token: str, ports: ConfigureStreamsPorts, desired: StreamSettings | None) -> ConfigureStreamsReport:
    try:
        return _Run(ports, desired).run()
    finally:
        ports.managed.unlock(token)


class _Run:
    """One run over all streams."""

    def __init__(self, ports: ConfigureStreamsPorts, desired: StreamSettings | None) -> None:
        self._ports = ports
        self._desired = desired
        self._pace = Pace(ports.clock, CALLS_PER_SECOND)
        self._report = ConfigureStreamsReport()
        self._lock = Lock()
        self._tags: dict[str, Mapping[str, str]] = {}
        """By ARN; read only where they decide something."""
        self._features: dict[str, StreamFeatures] = {}
        """By ARN."""

    def run(self) -> ConfigureStreamsReport:
        streams = {stream.arn: stream for stream in self._ports.registry.streams()}
        stored = {(one.stream_arn, one.feature): one for one in self._ports.managed.all()}
        found = self._find(streams.values())
        selected, unknown = found.selected, {stream.arn for stream, _ in found.unknown}
        self._report.selected = len(selected)
        if self._desired is not None and self._desired.needs_tags:
            unknown |= self._read_tags(selected)
            selected = [stream for stream in selected if stream.arn in self._tags]
        unknown |= self._read_features(selected)
        selected = [stream for stream in selected if stream.arn not in unknown]
        work = [(stream, feature) for stream in selected for feature in Feature]
        self._each(
            work, lambda pair: self._guard(pair[0].name, partial(self._configure_stream, pair[0], pair[1], stored))
        )
        kept = {(stream.arn, feature) for stream, feature in work if self._desired_of(feature, stream) is not None}
        leaving = [one for key, one in stored.items() if key not in kept and one.stream_arn not in unknown]
        self._each(
            leaving, lambda one: self._guard(one.stream_name, partial(self._restore, one, one.stream_arn in streams))
        )
        return self._report

    def _find(self, streams: Iterable[VideoStream]) -> Found:
        if self._desired is None:
            return Found()
        found = find_selected(
            streams,
            self._desired.selection,
            self._tags_of,
            self._pace,
            is_late=self._is_late,
            workers=self._ports.workers,
        )
        self._count(pending=len(found.late))
        for stream, error in found.unknown:
            self._guard(stream.name, partial(_reraise, error))
        return found

    def _tags_of(self, stream_arn: str) -> Mapping[str, str]:
        tags = self._tags[stream_arn] = self._ports.registry.tags(stream_arn)
        return tags

    def _read_tags(self, streams: Sequence[VideoStream]) -> set[str]:
        """Reads and saves tags; returns the ARNs of streams whose tags are not known, which are left as they are."""

        def read(stream: VideoStream) -> None:
            self._guard(stream.name, lambda: self._pace.call("ListTagsForStream", lambda: self._tags_of(stream.arn)))

        self._each([stream for stream in streams if stream.arn not in self._tags], read)
        before = self._ports.tags.load()
        known = {stream.name: self._tags.get(stream.arn, before.get(stream.name)) for stream in streams}
        after = {name: dict(tags) for name, tags in known.items() if tags}
        if after != before:
            self._guard("tags of all streams", lambda: self._ports.tags.save(after))
        return {stream.arn for stream in streams if stream.arn not in self._tags}

    def _read_features(self, streams: Sequence[VideoStream]) -> set[str]:
        """Returns the ARNs of streams of which the settings cannot be made, which are left as they are."""
        desired = self._desired
        if desired is None:
            return set()

        def read(stream: VideoStream) -> None:
            self._features[stream.arn] = desired.features(stream.name, self._tags.get(stream.arn, {}))

        for stream in streams:
            self._guard(stream.name, partial(read, stream))
        return {stream.arn for stream in streams if stream.arn not in self._features}

    def _desired_of(self, feature: Feature, stream: VideoStream) -> FeatureSettings | None:
        if self._desired is None:
            return None
        return self._features[stream.arn].feature_settings(feature, stream)

    def _is_late(self) -> bool:
        return self._ports.clock.now_s() >= self._ports.deadline_s

    def _each[T](self, items: Sequence[T], action: Any) -> None:
        def unless_late(item: T) -> None:
            if self._is_late():
                self._count(pending=1)
            else:
                action(item)

        with ThreadPoolExecutor(self._ports.workers) as pool:
            list(pool.map(unless_late, items))

    # -- one stream ----------------------------------------------------------------------------------------------

    def _configure_stream(
        self, stream: VideoStream, feature: Feature, stored: Mapping[tuple[str, Feature], ManagedFeature]
    ) -> None:
        desired = self._desired_of(feature, stream)
        if desired is None:
            return
        if not stream.active:
            self._count(busy=1)
            return
        if stream.retention_hours == 0:
            self._no_retention(stream.name)
            return
        known = stored.get((stream.arn, feature))
        if known is not None and self._is_fresh(known, desired):
            self._count(unchanged=1)
            return
        self._apply(stream, feature, desired, known)

    def _is_fresh(self, known: ManagedFeature, desired: FeatureSettings) -> bool:
        recent = self._ports.epoch_s - known.verified_at_s < VERIFY_EVERY_S
        return recent and equal_settings(known.applied[-1], desired)

    def _apply(
        self, stream: VideoStream, feature: Feature, desired: FeatureSettings, known: ManagedFeature | None
    ) -> None:
        present = self._describe(feature, stream.arn)
        # A former destination of this stack's own is not foreign: the stack may have got another bucket.
        elsewhere = foreign_destination(present, desired, *(known.applied if known else ()))
        is_own = known is not None and known.is_own(present)
        if elsewhere is not None and not is_own and not self._features[stream.arn].takes_over:
            self._leave(stream.name, feature, elsewhere)
            return
        if known is None:
            fresh = ManagedFeature(stream.name, stream.arn, feature, present, (desired,), 0)
            known = self._ports.managed.add(fresh)
        if known.is_in_effect(present, desired):
            self._count(unchanged=1)
        else:
            if not equal_settings(known.applied[-1], desired):
                known = replace(known, applied=(known.applied[-1], desired), verified_at_s=0)
                self._ports.managed.update(known)
            self._configure(feature, stream.arn, desired)
            present = self._describe(feature, stream.arn)
            self._count(updated=1)
        different = drift(present, desired)
        if different:
            self._returned_others(stream.name, feature, different)
        described = present if different else None
        verified = replace(known, applied=(desired,), verified_at_s=self._ports.epoch_s, described=described)
        self._ports.managed.update(verified)

    def _returned_others(self, stream_name: str, feature: Feature, fields: Sequence[str]) -> None:
        self._warn(
            f"{stream_name}: KVS returns other {feature} settings than were set ({', '.join(fields)}), which are not "
            f"set again. See `kinesight doctor {stream_name}`"
        )

    def _leave(self, stream_name: str, feature: Feature, elsewhere: str) -> None:
        self._count(theirs=1)
        self._warn(
            f"{stream_name}: its {feature} settings send to {elsewhere}, and are left alone. To replace them, set "
            "takeOverStreamSettings of the camera in the configuration document; they are restored when the stack goes"
        )

    def _restore(self, one: ManagedFeature, exists: bool) -> None:
        if exists:
            present = self._describe(one.feature, one.stream_arn)
            if one.is_own(present):
                self._configure(one.feature, one.stream_arn, one.original)
            elif not equal_settings(present, one.original):
                self._warn(f"{one.stream_name}: its {one.feature} settings were changed elsewhere and are not restored")
        self._ports.managed.forget(one)
        self._count(restored=1)

    def _describe(self, feature: Feature, stream_arn: str) -> FeatureSettings | None:
        registry = self._ports.registry
        return self._pace.call(f"Describe {feature}", lambda: registry.feature_settings(feature, stream_arn))

    def _configure(self, feature: Feature, stream_arn: str, settings: FeatureSettings | None) -> None:
        registry = self._ports.registry
        self._pace.call(f"Update {feature}", lambda: registry.configure(feature, stream_arn, settings))

    # -- errors of one stream do not stop the others -------------------------------------------------------------

    def _guard(self, stream_name: str, action: Any) -> None:
        error = run_safely(action)
        match error:
            case None:
                return
            case NoRetentionError():
                self._no_retention(stream_name)
            case StreamGoneError():
                self._count(vanished=1)
            case StreamBusyError():
                self._count(busy=1)
            case _:
                self._count(failed=1)
                self._warn(f"{stream_name}: {error}")

    def _no_retention(self, stream_name: str) -> None:
        self._count(no_retention=1)
        self._warn(
            f"{stream_name} keeps no media (DataRetentionInHours is 0), so KVS generates no images from it. To fix: "
            f"aws kinesisvideo update-data-retention --stream-name {stream_name} --operation INCREASE_DATA_RETENTION "
            "--data-retention-change-in-hours 24 --current-version $(aws kinesisvideo describe-stream --stream-name "
            f"{stream_name} --query StreamInfo.Version --output text)"
        )

    def _count(self, **deltas: int) -> None:
        with self._lock:
            for name, delta in deltas.items():
                setattr(self._report, name, getattr(self._report, name) + delta)

    def _warn(self, message: str) -> None:
        with self._lock:
            if message not in self._report.warnings:
                self._report.warn(message)


def _reraise(error: KinesightError) -> None:
    raise error
