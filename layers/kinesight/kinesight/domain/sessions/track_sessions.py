"""track_sessions: records of the results stream → sessions per camera → session events, and one alert per session.

The state of a stream is one versioned document. It is saved before anything is delivered; changes to deliver are part
of it (an outbox) and are removed once delivered. Delivery is therefore at-least-once, and the ledger makes each alert
idempotent per channel. The clip of an ended session is ordered from archive_session through a queue, at least once;
no video is fetched here, so alerts do not wait for it.

A record that fails unexpectedly is tried again here, alone, and then dead-lettered; so is a change in the outbox, by
the batches and runs that follow.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from pydantic import ValidationError

from kinesight.domain.batches import (
    FailedItems,
    ItemFailure,
    StreamedRecord,
    dead_letter,
    is_final,
    is_repeated,
    pauses_s,
    run_safely,
)
from kinesight.domain.configuration.camera import SessionSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.matching import CameraRules
from kinesight.domain.errors import (
    InvalidEventError,
    KinesightError,
    StorageBusyError,
    TransientError,
    UnreadableStateError,
)
from kinesight.domain.model import Frame, FrameSource, ResultRecord, Selector, to_epoch_ms
from kinesight.domain.plain_values import describe
from kinesight.domain.ports import DeadLetters, DelayedMessages, Versioned, VersionedDocuments
from kinesight.domain.sessions.clip import delay_s, order_of
from kinesight.domain.sessions.model import (
    TRACKER_STATE,
    UNDELIVERED_EVENT,
    Hit,
    ImageClocks,
    Observation,
    Session,
    SessionEvent,
    SessionEventType,
    TrackerState,
    UndeliveredEvent,
)
from kinesight.domain.sessions.outbox import Delivery, DeliveryResult, NotificationTargets, Refusal, deliver
from kinesight.domain.sessions.tracker import SessionTracker

_ATTEMPTS = 8
_MARGIN_MS = 15_000
"""Remaining time of an invocation that another attempt needs."""
_ON_DEMAND = "|on-demand"
"""Suffix of the key of on-demand state, which is kept apart from live state; stream names contain no `|`."""


@dataclass(frozen=True, slots=True)
class SessionPorts:
    """Ports of this verb. `clips`: the queue that archive_session reads. `selector`: the clock that KVS uses for
    generated images. `pause` sleeps for seconds; `remaining_ms`: remaining time of this invocation."""

    states: VersionedDocuments
    configuration: Callable[[], Configuration]
    targets: NotificationTargets
    dead_letters: DeadLetters
    now_ms: Callable[[], int]
    clips: DelayedMessages
    pause: Callable[[float], None]
    remaining_ms: Callable[[], int]
    selector: Selector = "PRODUCER_TIMESTAMP"


@dataclass(slots=True)
class SessionReport(FailedItems):
    """Outcome of a batch. There is one failure per stream; its `subject` is the key of the stream's state."""

    deliveries: list[Delivery] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def delivered(self, kind: SessionEventType) -> int:
        """Number of deliveries of this type; an alert counts once per channel."""
        return sum(delivery.type is kind for delivery in self.deliveries)


@dataclass(frozen=True, slots=True)
class _Received:
    streamed: StreamedRecord
    record: ResultRecord


@dataclass(frozen=True, slots=True)
class _Group:
    """Records with the same state, by its key."""

    key: str
    received: list[_Received]

    def alone(self) -> "list[_Group]":
        """A group for each record."""
        return [_Group(self.key, [one]) for one in self.received]


def track_batch(batch: Sequence[StreamedRecord], ports: SessionPorts) -> SessionReport:
    """Tracks a batch. Failures are in the report, never raised."""
    report = SessionReport()
    waiting = [_Group(key, received) for key, received in _by_key(batch, ports.dead_letters, report).items()]
    waiting = _attempt(1, waiting, ports, report)
    for attempt, pause_s in enumerate(pauses_s(), start=2):
        if waiting:
            ports.pause(pause_s)
            waiting = _attempt(attempt, waiting, ports, report)
    return report


def _attempt(attempt: int, groups: Sequence[_Group], ports: SessionPorts, report: SessionReport) -> list[_Group]:
    """Tracks groups; returns what is to be tried again in this invocation, record by record: each may fail alone."""
    repeated: list[_Group] = []
    for group in groups:
        error = run_safely(partial(_track, group.key, [one.record for one in group.received], ports, report))
        if error is None:
            continue
        if is_final(error, attempt):
            for one in group.received:
                failure = ItemFailure(one.streamed.sequence_number, error, subject=group.key)
                report.dead_letter(one.streamed.body, ports.dead_letters, failure)
        elif is_repeated(error) and ports.remaining_ms() >= _MARGIN_MS:
            repeated += group.alone()
        else:
            report.retry(ItemFailure(None, error, subject=group.key))
            report.redeliver(one.streamed.sequence_number for one in group.received)
    return repeated


def pass_time(ports: SessionPorts) -> SessionReport:
    """Closes sessions of silent streams and delivers what could not be delivered before."""
    report = SessionReport()
    for key, versioned in ports.states.all().items():
        error = run_safely(partial(_pass_time, key, versioned, ports, report))
        if error is not None:
            report.retry(ItemFailure(None, error, subject=key))
    return report


def _pass_time(key: str, versioned: Versioned, ports: SessionPorts, report: SessionReport) -> None:
    with suppress(UnreadableStateError):
        state = _state(versioned.body)
        if SessionTracker(state, key, _camera(key, ports).camera, waits_for_silence=False).is_idle:
            return
    _change(key, ports, report, lambda tracker: tracker.pass_time(ports.now_ms()))


def redeliver(event: UndeliveredEvent, ports: SessionPorts) -> SessionReport:
    """Delivers a change that was dead-lettered. Raises StorageBusyError, DeliveryError; then it is to be repeated."""
    report = SessionReport()
    again = replace(event.undelivered, attempts=0)
    _change(event.state_key, ports, report, lambda tracker: tracker.state.outbox.append(again))
    return report


def state_key(record: ResultRecord) -> str:
    """Key of the state: one per stream, and another one for its on-demand frames."""
    on_demand = record.frame.source is FrameSource.ON_DEMAND
    return record.frame.stream_name + (_ON_DEMAND if on_demand else "")


def observation_of(record: ResultRecord, rules: CameraRules, selector: Selector = "PRODUCER_TIMESTAMP") -> Observation:
    """A frame matched by the current rules. `selector`: as in SessionPorts."""
    frame = record.frame
    matches = rules.match(record.detections, frame.image_timestamp, frame.tags)
    hits = tuple(
        Hit(one.detection.label, one.detection.confidence, one.detection.bounding_box, one.rules, one.detection.zones)
        for one in matches
        if one.rules
    )
    clocks = ImageClocks(_epoch_ms(frame.producer_timestamp), _epoch_ms(frame.server_timestamp)) if hits else None
    at_ms, by_server = to_epoch_ms(frame.image_timestamp), _by_server(frame, selector)
    ahead_ms = 0 if by_server else _ahead_ms(frame)
    return Observation(record.result_id, at_ms, frame.fragment_number, hits, by_server, clocks, ahead_ms)


def _ahead_ms(frame: Frame) -> int | None:
    """Returns how far the camera's clock is ahead of KVS's, in milliseconds; None if one of them is unknown."""
    if frame.producer_timestamp is None or frame.server_timestamp is None:
        return None
    return to_epoch_ms(frame.producer_timestamp) - to_epoch_ms(frame.server_timestamp)


def _by_server(frame: Frame, selector: Selector) -> bool:
    """Live frames have producer timestamps, unless those are unusable; frames of a range have the clock that was
    requested, and no other."""
    match frame.source:
        case FrameSource.LIVE:
            return frame.producer_timestamp is None
        case FrameSource.ON_DEMAND:
            return frame.producer_timestamp is None
        case _:
            return selector == "SERVER_TIMESTAMP"


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_epoch_ms(moment)


def _by_key(
    batch: Sequence[StreamedRecord], dead_letters: DeadLetters, report: SessionReport
) -> dict[str, list[_Received]]:
    grouped: dict[str, list[_Received]] = {}
    for streamed in batch:
        try:
            record = ResultRecord.model_validate_json(streamed.data)
        except ValidationError as error:
            problem = InvalidEventError(f"not a result record: {describe(error)}")
            report.dead_letter(streamed.body, dead_letters, ItemFailure(streamed.sequence_number, problem))
            continue
        grouped.setdefault(state_key(record), []).append(_Received(streamed, record))
    return grouped


def _track(key: str, records: Sequence[ResultRecord], ports: SessionPorts, report: SessionReport) -> None:
    rules = _camera(key, ports)
    observations = [observation_of(record, rules, ports.selector) for record in records]
    if not rules.camera.needs_order:
        observations = [one for one in observations if one.hits]  # without a hit, nothing changes
    if not observations:
        return
    arn = next((record.frame.stream_arn for record in records if record.frame.stream_arn is not None), None)

    def add(tracker: SessionTracker) -> None:
        tracker.state.stream_arn = arn or tracker.state.stream_arn
        tracker.add(observations, ports.now_ms())

    _change(key, ports, report, add)


def _camera(key: str, ports: SessionPorts) -> CameraRules:
    return ports.configuration().of_stream(key.removesuffix(_ON_DEMAND))


def _change(key: str, ports: SessionPorts, report: SessionReport, work: Callable[[SessionTracker], None]) -> None:
    """Loads, changes, saves and delivers. Raises StorageBusyError, DeliveryError; nothing is lost then."""
    stream_name, camera = key.removesuffix(_ON_DEMAND), _camera(key, ports).camera
    for _ in range(_ATTEMPTS):
        versioned = ports.states.load(key)
        state = _state_or_afresh(key, versioned.body, ports, report)
        work(SessionTracker(state, stream_name, camera, waits_for_silence=key.endswith(_ON_DEMAND)))
        body = TRACKER_STATE.dump_json(state).decode()
        version = versioned.version
        if body != versioned.body:
            if not ports.states.save(key, body, version):
                continue
            version += 1
        if state.outbox:
            _empty_outbox(key, state, version, ports, report)
        return
    raise StorageBusyError(f"the state of {key} was changed by other invocations {_ATTEMPTS} times")


def _empty_outbox(key: str, state: TrackerState, version: int, ports: SessionPorts, report: SessionReport) -> None:
    """Delivers the outbox and stores what could not be delivered. If another invocation has saved meanwhile, it
    delivers again, which is idempotent. Alerts that wait, and events that wait for an unexpected error, are reported
    without failing the records."""
    camera = _camera(key, ports).camera
    result = deliver(state.outbox, ports.targets.only(camera.alert_channels), _clip_orders(ports, camera.sessions))
    report.deliveries += result.deliveries
    report.refusals += result.refusals
    report.retry(*(ItemFailure(None, error, subject=key) for error in result.failed_alerts))
    for event, error in result.given_up:
        _dead_letter_event(key, event, error, ports.dead_letters, result, report)
    if result.undelivered != state.outbox:
        state.outbox = result.undelivered
        ports.states.save(key, TRACKER_STATE.dump_json(state).decode(), version)
    if isinstance(result.failure, TransientError):
        raise result.failure
    if result.failure is not None:
        report.retry(ItemFailure(None, result.failure, subject=key))


def _dead_letter_event(
    key: str,
    event: SessionEvent,
    error: KinesightError,
    queue: DeadLetters,
    result: DeliveryResult,
    report: SessionReport,
) -> None:
    """If the queue fails, the event stays in the outbox."""
    body = UNDELIVERED_EVENT.dump_json(UndeliveredEvent(key, event)).decode()
    failure = dead_letter(body, error, queue)
    if failure is None:
        report.dead_lettered.append(ItemFailure(None, error, subject=key))
    else:
        result.undelivered.insert(0, event)
        report.retry(ItemFailure(None, failure, subject=key))


def _state(body: str | None) -> TrackerState:
    """Raises UnreadableStateError."""
    try:
        return TrackerState() if body is None else TRACKER_STATE.validate_json(body)
    except ValidationError as error:
        raise UnreadableStateError(
            f"sessions begin afresh, because their state cannot be read: {describe(error)}"
        ) from error


def _state_or_afresh(key: str, body: str | None, ports: SessionPorts, report: SessionReport) -> TrackerState:
    """The stored state, or an empty one if that is malformed or of another version.

    To wait for a version that can read it would leave the camera without alerts; a second alert of a session that was
    open is the smaller harm. The document is dead-lettered before it is replaced: its outbox may hold alerts.
    """
    try:
        return _state(body)
    except UnreadableStateError as error:
        failure = dead_letter(body or "", error, ports.dead_letters)
        if failure is not None:
            raise failure from error
        report.dead_lettered.append(ItemFailure(None, error, subject=key))
        return TrackerState()


def _clip_orders(ports: SessionPorts, settings: SessionSettings) -> Callable[[Session], None] | None:
    if not settings.clip:
        return None

    def order(session: Session) -> None:
        body = order_of(session, settings).model_dump_json(by_alias=True)
        ports.clips.send_later(body, delay_s(settings))

    return order
