"""The viewer's cameras: the selected streams, page by page, each with what KVS and the tables tell of it.

Health is what `kinesight doctor` judges of one stream, as far as a few calls tell: what has to be read for (tags,
codecs, policies) is doctor's alone. KVS's control plane is asked as seldom as the others who ask it leave room for.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol

from kinesight.domain.check_results import CheckResult, Result, Status, blocking_check, warning
from kinesight.domain.errors import KinesightError, TransientError
from kinesight.domain.health import checks as judge
from kinesight.domain.health.facts import (
    ClockFacts,
    ConfigurationFacts,
    Fragment,
    FragmentsFacts,
    HealthThresholds,
    LiveFacts,
    NotedImagesFacts,
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
from kinesight.domain.viewer.events import EventPages

PAGE = 50
MISSING = "MISSING"
"""The status of a stream that is selected by its name, and does not exist."""
_MOST_ASKED = 200
"""Streams of a page whose tags are asked for, at `CALLS_PER_SECOND`: five seconds."""
CALLS_PER_SECOND = 40.0
"""KVS allows 50 a second for each of the calls used here, per account."""
_LOOK_BACK_MS = (60_000, 3_600_000)
_AHEAD_MS = 60_000
_NAMES = {Feature.IMAGE_GENERATION: "imageGeneration", Feature.NOTIFICATION: "notification"}
_OUTCOMES = {Status.OK: "ok", Status.FAILED: "broken", Status.WARNING: "unknown"}


class RecordedFragments(Protocol):
    """Which fragments are stored, by KVS's clock."""

    def recorded(self, stream_name: str, start_ms: int, end_ms: int) -> Iterator[Fragment]:
        """Those that came in the range, in no order. Raises MediaBusyError, StreamGoneError, NoRetentionError."""


@dataclass(frozen=True, slots=True)
class CameraPorts:
    """The outside world of the list. `now_ms`: the present, epoch milliseconds. `leases`, `sights`: by stream ARN and
    by stream name (domain.leases, domain.image_watch)."""

    registry: ConfigurableStreams
    managed: ManagedStreams
    leases: VersionedDocuments
    sights: VersionedDocuments
    fragments: RecordedFragments
    events: EventPages
    clock: Clock
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """What the parameters want. `images_missing_s`: how long a stream may be without images. `is_live`: whether
    streams are read live. `region`: the stack's, for people."""

    wanted: StreamSettings
    times_by_producer: bool
    is_live: bool
    images_missing_s: float
    region: str
    patience: HealthThresholds = field(default_factory=HealthThresholds)


def cameras_page(after: str, plan: CameraPlan, ports: CameraPorts) -> Mapping[str, Any]:
    """Cameras whose names come after one. Fewer than a page may be found; the cursor goes on from there, and is None
    at the end. Raises ThrottledError, StreamRefusedError, StorageBusyError."""
    pace = Pace(ports.clock, CALLS_PER_SECOND)
    found, cursor = _selected(after, plan, ports, pace)
    with ThreadPoolExecutor(WORKERS) as pool:
        cameras = list(pool.map(lambda one: _Camera(one, plan, ports, pace).document(), found))
    return {"cameras": cameras, "cursor": cursor}


def _selected(after: str, plan: CameraPlan, ports: CameraPorts, pace: Pace) -> tuple[list[VideoStream], str | None]:
    """By name; by tag where configure_streams has set the stream up already; else by asking for its tags."""
    selection = plan.wanted.selection
    streams = {stream.name: stream for stream in ports.registry.streams() if stream.name > after}
    known = {one.stream_arn for one in ports.managed.all()} if selection.tag_filters else set()
    chosen = {name: VideoStream(name, "", MISSING, 0) for name in selection.literal_names if name > after}
    chosen |= {name: stream for name, stream in streams.items() if selection.matches_name(name) or stream.arn in known}
    asked = sorted(set(streams) - set(chosen)) if selection.tag_filters else []
    told = find_selected((streams[name] for name in asked[:_MOST_ASKED]), selection, ports.registry.tags, pace)
    for error in (error for _, error in told.unknown if isinstance(error, TransientError)):
        raise error  # rather than a list that lacks a camera without a word
    chosen |= {stream.name: stream for stream in told.selected}
    # Of what comes after the last stream that was asked for, not everything is known.
    known_until = asked[_MOST_ASKED - 1] if len(asked) > _MOST_ASKED else None
    names = sorted(name for name in chosen if known_until is None or name <= known_until)
    cursor = names[PAGE - 1] if len(names) > PAGE else known_until
    return [chosen[name] for name in names[:PAGE]], cursor


class _Camera:
    """One stream; what is looked up is looked up once."""

    def __init__(self, stream: VideoStream, plan: CameraPlan, ports: CameraPorts, pace: Pace) -> None:
        self._stream = stream
        self._plan = plan
        self._ports = ports
        self._pace = pace
        self._now_ms = ports.now_ms()
        self._features = [one for one in Feature if plan.wanted.feature_settings(one, self._anywhere()) is not None]

    def document(self) -> dict[str, Any]:
        health = [_told(one) for one in self._findings() if one.result.status is not Status.SKIPPED]
        newest = self._recorded if self._stream.retention_hours else None
        return {
            "stream": self._stream.name,
            "arn": self._stream.arn or None,
            "status": self._stream.status,
            "retentionHours": self._stream.retention_hours,
            "lastFragmentAt": _time(newest.server_ms) if isinstance(newest, Fragment) else None,
            "lastEvent": self._last_event(),
            "configuration": self._configuration(),
            "health": health,
        }

    def _findings(self) -> list[CheckResult]:
        done: dict[str, CheckResult | None] = {}
        for check, needs, result in self._checks():
            obstacle = blocking_check(needs, done)
            if obstacle is not None:
                found = Result(Status.SKIPPED, f"not checked: {obstacle} first")
            else:
                found = _answered(result)
            done[check] = CheckResult(check, self._stream.name, found)
        return [one for one in done.values() if one is not None]

    def _checks(self) -> Iterator[tuple[str, tuple[str, ...], Callable[[], Result]]]:
        """Names and order are those of doctor's road."""
        facts = self._facts
        yield "stream", (), lambda: judge.stream(facts)
        yield "status", ("stream",), lambda: judge.status(facts)
        yield "retention", ("status",), lambda: judge.retention(facts)
        if Feature.IMAGE_GENERATION in self._features:
            images = partial(self._compared, Feature.IMAGE_GENERATION)
            yield "image generation", ("retention",), lambda: judge.image_generation(images())
        yield "fragments", ("retention",), lambda: judge.fragments(self._fragments)
        yield "clock", ("fragments",), lambda: judge.clock(self._clock)
        if Feature.IMAGE_GENERATION in self._features:
            yield "images", ("image generation", "fragments"), lambda: judge.noted_images(self._images)
        if self._plan.is_live:
            yield "live", ("fragments",), lambda: judge.live(self._live)
        if Feature.NOTIFICATION in self._features:
            notices = partial(self._compared, Feature.NOTIFICATION)
            yield "notifications", ("retention",), lambda: judge.notifications(notices())

    # -- facts: each raises KinesightError where KVS or a table does not tell -------------------------------------

    @property
    def _facts(self) -> StreamFacts:
        one = self._stream
        arn = one.arn or None
        return StreamFacts(one.name, self._plan.region, arn, one.status, one.retention_hours, one.version)

    def _anywhere(self) -> VideoStream:
        """With an ARN, of which the wanted configuration takes the Region."""
        if self._stream.arn:
            return self._stream
        return VideoStream(self._stream.name, f"arn:aws:kinesisvideo:{self._plan.region}", MISSING, 0)

    def _wanted(self, feature: Feature) -> FeatureSettings:
        return self._plan.wanted.feature_settings(feature, self._anywhere()) or {}

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
        return ConfigurationFacts(self._stream.name, found, self._wanted(feature))

    @cached_property
    def _recorded(self) -> Fragment | KinesightError | None:
        try:
            return self._last_recorded()
        except KinesightError as error:
            return error

    def _last_recorded(self) -> Fragment | None:
        for span_ms in _LOOK_BACK_MS:
            start_ms, end_ms = self._now_ms - span_ms, self._now_ms + _AHEAD_MS
            found = list(self._ports.fragments.recorded(self._stream.name, start_ms, end_ms))
            if found:
                return max(found, key=lambda one: one.server_ms)
        return None

    @property
    def _newest(self) -> Fragment | None:
        """Of the last hour."""
        if isinstance(self._recorded, KinesightError):
            raise self._recorded
        return self._recorded

    @property
    def _fragments(self) -> FragmentsFacts:
        searched_s, silent_s = _LOOK_BACK_MS[-1] / 1000, self._plan.patience.silent_s
        return FragmentsFacts(self._stream.name, self._newest, searched_s, self._now_ms, silent_s)

    @property
    def _clock(self) -> ClockFacts:
        ahead_ms = self._newest.producer_ms - self._newest.server_ms if self._newest is not None else 0
        counts = self._plan.times_by_producer
        return ClockFacts(self._stream.name, ahead_ms / 1000, counts, self._plan.patience.clock_s)

    @property
    def _images(self) -> NotedImagesFacts:
        body = self._ports.sights.load(self._stream.name).body
        noted_ms = LastImageSeen.model_validate_json(body).at_ms if body is not None else None
        return NotedImagesFacts(self._stream.name, noted_ms, self._now_ms, self._plan.images_missing_s)

    @property
    def _live(self) -> LiveFacts:
        body = self._ports.leases.load(self._stream.arn).body
        return LiveFacts.of(
            self._stream.name,
            Lease.model_validate_json(body) if body is not None else None,
            self._newest,
            self._now_ms,
            live_s=self._plan.patience.live_s,
            log_group="<conduct_live's log group>",
        )

    def _last_event(self) -> dict[str, Any] | None:
        found = self._ports.events.of_stream(self._stream.name, None, None, 1).events
        return found[0].moments() if found else None

    def _configuration(self) -> dict[str, Any]:
        found = {one: told for one, told in self._configurations.items() if not isinstance(told, KinesightError)}
        return {
            "wanted": {_NAMES[one]: self._wanted(one) for one in self._features},
            "found": {_NAMES[one]: told for one, told in found.items()},
            "drift": [
                f"{_NAMES[one]}.{name}" for one, told in found.items() for name in drift(told, self._wanted(one))
            ],
        }


def _answered(result: Callable[[], Result]) -> Result:
    try:
        return result()
    except KinesightError as error:
        return warning(f"no answer: {error}")


def _time(epoch_ms: int) -> str:
    return iso_milliseconds(from_epoch_ms(epoch_ms))


def _told(finding: CheckResult) -> dict[str, str]:
    result = finding.result
    return {
        "check": finding.check,
        "state": _OUTCOMES[result.status],
        "fact": result.fact,
        "because": result.explanation,
        "next": result.next_step,
        "cause": result.cause or "",
    }
