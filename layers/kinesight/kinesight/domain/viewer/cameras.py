"""The viewer's cameras: the selected streams, page by page, each with its state in KVS and in the tables.

Health consists of the checks of `kinesight doctor` that need few calls; doctor also reads fragments and policies. Calls
of KVS's control plane are limited, because other functions share its quotas.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol

from kinesight.domain.check_results import CheckResult, Result, Status, blocking_check, warning
from kinesight.domain.errors import KinesightError, TransientError
from kinesight.domain.health import checks
from kinesight.domain.health.facts import (
    ClockFacts,
    ConfigurationFacts,
    Fragment,
    FragmentsFacts,
    HealthThresholds,
    LastImageFacts,
    LiveFacts,
    StreamFacts,
)
from kinesight.domain.live.leases import Lease
from kinesight.domain.model import from_epoch_ms, iso_milliseconds
from kinesight.domain.ports import VersionedDocuments, VideoStream
from kinesight.domain.rate_limit import Clock, Pace
from kinesight.domain.streams.discovery import WORKERS, find_selected
from kinesight.domain.streams.missing_images import LastImageSeen
from kinesight.domain.streams.stream_settings import (
    ConfigurableStreams,
    Feature,
    FeatureSettings,
    ManagedStreams,
    StreamSettings,
    drift,
)
from kinesight.domain.viewer.sessions import SessionPages

PAGE = 50
MISSING = "MISSING"
"""Status of a stream that is selected by name but does not exist."""
_MOST_TAG_READS = 200
"""Streams of a page whose tags are read, at `CALLS_PER_SECOND`: five seconds."""
CALLS_PER_SECOND = 40.0
"""KVS allows 50 a second per account for each of the operations used here."""
_SEARCHED_MS = (60_000, 3_600_000)
_AHEAD_MS = 60_000
_NAMES = {Feature.IMAGE_GENERATION: "imageGeneration", Feature.NOTIFICATION: "notification"}


class RecordedFragments(Protocol):
    """Stored fragments, by KVS's clock."""

    def recorded(self, stream_name: str, start_ms: int, end_ms: int) -> Iterator[Fragment]:
        """Yields the fragments received in the range, in no order. Raises MediaBusyError, StreamGoneError,
        NoRetentionError."""


@dataclass(frozen=True, slots=True)
class CameraPorts:
    """Ports of the list. `now_ms`: the current time in epoch milliseconds. `leases` has the leases of `live.leases` by
    stream ARN, `last_images` the documents of `streams.missing_images` by stream name."""

    registry: ConfigurableStreams
    managed: ManagedStreams
    leases: VersionedDocuments
    last_images: VersionedDocuments
    fragments: RecordedFragments
    sessions: SessionPages
    clock: Clock
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class CameraViewSettings:
    """`images_missing_s`: from when on missing images are a failure, by stream name. `is_live`: whether streams are
    read live. `region`: the stack's Region, for messages, with its partition."""

    expected: StreamSettings
    times_by_producer: bool
    is_live: bool
    images_missing_s: Callable[[str], float]
    region: str
    partition: str
    thresholds: HealthThresholds = field(default_factory=HealthThresholds)


def cameras_page(after: str, settings: CameraViewSettings, ports: CameraPorts) -> Mapping[str, Any]:
    """Returns cameras by name, after the name `after`. May return less than a page; the cursor continues from there and
    is None at the end. Raises ThrottledError, StreamRefusedError, StorageBusyError."""
    pace = Pace(ports.clock, CALLS_PER_SECOND)
    found, cursor = _selected(after, settings, ports, pace)
    with ThreadPoolExecutor(WORKERS) as pool:
        cameras = list(pool.map(lambda one: _Camera(one, settings, ports, pace).document(), found))
    return {"cameras": cameras, "cursor": cursor}


def _selected(
    after: str, settings: CameraViewSettings, ports: CameraPorts, pace: Pace
) -> tuple[list[VideoStream], str | None]:
    """Returns streams selected by name, streams that configure_streams manages, and streams whose tags match; and the
    cursor. Only tags of streams in neither of the first two sets are read."""
    selection = settings.expected.selection
    streams = {stream.name: stream for stream in ports.registry.streams() if stream.name > after}
    known = {one.stream_arn for one in ports.managed.all()} if selection.tag_filters else set()
    chosen = {name: VideoStream(name, "", MISSING, 0) for name in selection.literal_names if name > after}
    chosen |= {name: stream for name, stream in streams.items() if selection.matches_name(name) or stream.arn in known}
    others = sorted(set(streams) - set(chosen)) if selection.tag_filters else []
    by_tags = find_selected((streams[name] for name in others[:_MOST_TAG_READS]), selection, ports.registry.tags, pace)
    for error in (error for _, error in by_tags.unknown if isinstance(error, TransientError)):
        raise error  # rather than silently omit a camera
    chosen |= {stream.name: stream for stream in by_tags.selected}
    # After the last stream whose tags were read, further streams may be selected.
    known_until = others[_MOST_TAG_READS - 1] if len(others) > _MOST_TAG_READS else None
    names = sorted(name for name in chosen if known_until is None or name <= known_until)
    cursor = names[PAGE - 1] if len(names) > PAGE else known_until
    return [chosen[name] for name in names[:PAGE]], cursor


class _Camera:
    """State and checks of one stream; each fact is read once."""

    def __init__(self, stream: VideoStream, settings: CameraViewSettings, ports: CameraPorts, pace: Pace) -> None:
        self._stream = stream
        self._settings = settings
        self._ports = ports
        self._pace = pace
        self._now_ms = ports.now_ms()
        self._features = [one for one in Feature if self._expected_or_none(one) is not None]

    def document(self) -> dict[str, Any]:
        health = [_check_document(one) for one in self._results() if one.result.status is not Status.SKIPPED]
        newest = self._recorded if self._stream.retention_hours else None
        return {
            "stream": self._stream.name,
            "arn": self._stream.arn or None,
            "status": self._stream.status,
            "retentionHours": self._stream.retention_hours,
            "lastFragmentAt": _time(newest.server_ms) if isinstance(newest, Fragment) else None,
            "lastSession": self._last_session(),
            "configuration": self._configuration(),
            "health": health,
        }

    def _results(self) -> list[CheckResult]:
        done: dict[str, CheckResult | None] = {}
        for check, needs, result in self._checks():
            blocking = blocking_check(needs, done)
            if blocking is not None:
                found = Result(Status.SKIPPED, f"skipped: {blocking} has failed")
            else:
                found = _run_check(result)
            done[check] = CheckResult(check, self._stream.name, found)
        return [one for one in done.values() if one is not None]

    def _checks(self) -> Iterator[tuple[str, tuple[str, ...], Callable[[], Result]]]:
        """Yields name, needed checks and function of each check, with the names and in the order of doctor."""
        facts = self._facts
        yield "stream", (), lambda: checks.stream(facts)
        yield "status", ("stream",), lambda: checks.status(facts)
        yield "retention", ("status",), lambda: checks.retention(facts)
        if Feature.IMAGE_GENERATION in self._features:
            images = partial(self._compared, Feature.IMAGE_GENERATION)
            yield "image generation", ("retention",), lambda: checks.image_generation(images())
        yield "fragments", ("retention",), lambda: checks.fragments(self._fragments)
        yield "clock", ("fragments",), lambda: checks.clock(self._clock)
        if Feature.IMAGE_GENERATION in self._features:
            yield "images", ("image generation", "fragments"), lambda: checks.last_image(self._last_image)
        if self._settings.is_live:
            yield "live", ("fragments",), lambda: checks.live(self._live)
        if Feature.NOTIFICATION in self._features:
            notifications = partial(self._compared, Feature.NOTIFICATION)
            yield "notifications", ("retention",), lambda: checks.notifications(notifications())

    # -- facts: each raises KinesightError if KVS or a table cannot be read -----------------------------------------

    @property
    def _facts(self) -> StreamFacts:
        one = self._stream
        arn = one.arn or None
        return StreamFacts(one.name, self._settings.region, arn, one.status, one.retention_hours, one.version)

    def _stream_with_region(self) -> VideoStream:
        """Returns the stream with an ARN: the expected stream settings contain its Region."""
        if self._stream.arn:
            return self._stream
        return VideoStream(
            self._stream.name, f"arn:{self._settings.partition}:kinesisvideo:{self._settings.region}", MISSING, 0
        )

    def _expected(self, feature: Feature) -> FeatureSettings:
        return self._expected_or_none(feature) or {}

    def _expected_or_none(self, feature: Feature) -> FeatureSettings | None:
        stream = self._stream_with_region()
        return self._settings.expected.features(stream.name, {}).feature_settings(feature, stream)

    @cached_property
    def _configurations(self) -> dict[Feature, FeatureSettings | KinesightError | None]:
        return {feature: self._described(feature) for feature in self._features if self._stream.arn}

    def _described(self, feature: Feature) -> FeatureSettings | KinesightError | None:
        describe = partial(self._ports.registry.feature_settings, feature, self._stream.arn)
        try:
            return self._pace.call(f"Describe {feature}", describe)
        except KinesightError as error:
            return error

    def _compared(self, feature: Feature) -> ConfigurationFacts:
        found = self._configurations[feature]
        if isinstance(found, KinesightError):
            raise found
        return ConfigurationFacts(self._stream.name, found, self._expected(feature))

    @cached_property
    def _recorded(self) -> Fragment | KinesightError | None:
        try:
            return self._last_recorded()
        except KinesightError as error:
            return error

    def _last_recorded(self) -> Fragment | None:
        for span_ms in _SEARCHED_MS:
            start_ms, end_ms = self._now_ms - span_ms, self._now_ms + _AHEAD_MS
            found = list(self._ports.fragments.recorded(self._stream.name, start_ms, end_ms))
            if found:
                return max(found, key=lambda one: one.server_ms)
        return None

    @property
    def _newest(self) -> Fragment | None:
        """The newest fragment of the last hour."""
        if isinstance(self._recorded, KinesightError):
            raise self._recorded
        return self._recorded

    @property
    def _fragments(self) -> FragmentsFacts:
        searched_s, silent_s = _SEARCHED_MS[-1] / 1000, self._settings.thresholds.silent_s
        return FragmentsFacts(self._stream.name, self._newest, searched_s, self._now_ms, silent_s)

    @property
    def _clock(self) -> ClockFacts:
        ahead_ms = self._newest.producer_ms - self._newest.server_ms if self._newest is not None else 0
        counts = self._settings.times_by_producer
        return ClockFacts(self._stream.name, ahead_ms / 1000, counts, self._settings.thresholds.clock_s)

    @property
    def _last_image(self) -> LastImageFacts:
        body = self._ports.last_images.load(self._stream.name).body
        seen = LastImageSeen.stored(body)
        return LastImageFacts(
            self._stream.name,
            None if seen is None else seen.at_ms,
            self._now_ms,
            self._settings.images_missing_s(self._stream.name),
        )

    @property
    def _live(self) -> LiveFacts:
        body = self._ports.leases.load(self._stream.arn).body
        return LiveFacts.of(
            self._stream.name,
            Lease.stored(body),
            self._newest,
            self._now_ms,
            live_s=self._settings.thresholds.live_s,
            log_group="<conduct_live's log group>",
        )

    def _last_session(self) -> dict[str, Any] | None:
        found = self._ports.sessions.of_stream(self._stream.name, None, None, 1).sessions
        return found[0].times() if found else None

    def _configuration(self) -> dict[str, Any]:
        found = {one: value for one, value in self._configurations.items() if not isinstance(value, KinesightError)}
        return {
            "expected": {_NAMES[one]: self._expected(one) for one in self._features},
            "found": {_NAMES[one]: value for one, value in found.items()},
            "drift": [
                f"{_NAMES[one]}.{name}" for one, value in found.items() for name in drift(value, self._expected(one))
            ],
        }


def _run_check(check: Callable[[], Result]) -> Result:
    try:
        return check()
    except KinesightError as error:
        return warning(f"could not run the check: {error}")


def _time(epoch_ms: int) -> str:
    return iso_milliseconds(from_epoch_ms(epoch_ms))


def _check_document(check: CheckResult) -> dict[str, str]:
    result = check.result
    return {
        "check": check.check,
        "status": result.status,
        "fact": result.fact,
        "explanation": result.explanation,
        "nextStep": result.next_step,
        "cause": result.cause or "",
    }
