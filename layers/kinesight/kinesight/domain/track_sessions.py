"""track_sessions: every record of the results stream → sessions per camera → events, and one alert per session.

What is remembered of a stream is one document, saved under its version before anything is told; what is to be told is
part of it (an outbox), and is taken out when it was told. So a death at any moment tells at least once, and the ledger
makes that once for alerts. The video of a session that has ended is ordered of archive_session, which may hear of it
twice; here no video is fetched, so that alerts never wait for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from kinesight.domain.configuration import SessionSettings
from kinesight.domain.contracts import Selector
from kinesight.domain.errors import InvalidEventError, KinesightError, PermanentError, StorageBusyError
from kinesight.domain.keep_evidence import StreamedRecord
from kinesight.domain.model import Frame, FrameSource, ResultRecord, to_epoch_ms
from kinesight.domain.ports import (
    AlertChannel,
    DeadLetters,
    Ledger,
    Reminders,
    SessionChannel,
    SessionStore,
    VersionedDocuments,
)
from kinesight.domain.rules import CameraRules, Rules
from kinesight.domain.session_alerts import alert_of, document_of
from kinesight.domain.session_videos import delay_s, order_of
from kinesight.domain.sessions import (
    ACTIVITY,
    Activity,
    Hit,
    Observation,
    SessionEvent,
    SessionEventType,
    SessionTracker,
)

_ATTEMPTS = 8
_ON_DEMAND = "|on-demand"
"""Ranges of the past are apart from what happens now; a stream's name has no such letter."""


@dataclass(frozen=True, slots=True)
class VideoOrders:
    """The queue that archive_session reads; `settle_s` is how long after the post-roll all of it has arrived."""

    queue: Reminders
    settle_s: int


@dataclass(frozen=True, slots=True)
class SessionPorts:
    """The outside world of this verb. `alerts` is None where pictures have alerts of their own, `videos` where only
    the fragments that matched are kept. `selector`: by whose clock KVS times the pictures that it generates."""

    activities: VersionedDocuments
    rules: Callable[[], Rules]
    sessions: SessionStore
    events: SessionChannel
    alerts: AlertChannel | None
    link: Callable[[str], str]
    ledger: Ledger
    dead_letters: DeadLetters
    now_ms: Callable[[], int]
    videos: VideoOrders | None = None
    selector: Selector = "PRODUCER_TIMESTAMP"


@dataclass(frozen=True, slots=True)
class StreamFailure:
    """What a stream's activity could not do for now."""

    key: str
    error: KinesightError


@dataclass(slots=True)
class SessionReport:
    """What became of a batch. The records of `failed_sequence_numbers` are to come again."""

    failed_sequence_numbers: list[str] = field(default_factory=list)
    opened: int = 0
    ended: int = 0
    alerts: int = 0
    buried: int = 0
    failures: list[StreamFailure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Parcel:
    sequence_number: str
    record: ResultRecord


def track_batch(batch: Sequence[StreamedRecord], ports: SessionPorts) -> SessionReport:
    """Tracks a batch; what one stream could not do is in the report, never an exception."""
    report = SessionReport()
    for key, parcels in _by_key(batch, ports.dead_letters, report).items():
        try:
            _track(key, [one.record for one in parcels], ports, report)
        except KinesightError as error:
            report.failures.append(StreamFailure(key, error))
            report.failed_sequence_numbers += [one.sequence_number for one in parcels]
    return report


def pass_time(ports: SessionPorts) -> SessionReport:
    """Closes sessions of streams that have gone silent, and tells what could not be told before."""
    report = SessionReport()
    for key, versioned in ports.activities.all().items():
        activity = _activity(versioned.body)
        if SessionTracker(activity, key, _camera(key, ports).camera, in_order_of_silence=False).is_idle:
            continue
        try:
            _change(key, ports, report, lambda tracker: tracker.pass_time(ports.now_ms()))
        except KinesightError as error:
            report.failures.append(StreamFailure(key, error))
    return report


def activity_key(record: ResultRecord) -> str:
    """One per stream and kind of source."""
    on_demand = record.frame.source is FrameSource.ON_DEMAND
    return record.frame.stream_name + (_ON_DEMAND if on_demand else "")


def observation_of(record: ResultRecord, rules: CameraRules, selector: Selector = "PRODUCER_TIMESTAMP") -> Observation:
    """What the rules of now say of a picture. `selector`: as in SessionPorts."""
    frame = record.frame
    judged = rules.judge(record.detections, frame.image_timestamp, frame.tags)
    hits = tuple(
        Hit(one.detection.label, one.detection.confidence, one.detection.bounding_box, one.rules, one.detection.zones)
        for one in judged
        if one.rules
    )
    at_ms = to_epoch_ms(frame.image_timestamp)
    return Observation(record.result_id, at_ms, frame.fragment_number, hits, _by_server(frame, selector))


def _by_server(frame: Frame, selector: Selector) -> bool:
    """Live pictures are timed by the camera; a range's by the clock that it was asked for, and they tell no other."""
    match frame.source:
        case FrameSource.LIVE:
            return False
        case FrameSource.ON_DEMAND:
            return frame.producer_timestamp is None
        case _:
            return selector == "SERVER_TIMESTAMP"


def _by_key(
    batch: Sequence[StreamedRecord], dead_letters: DeadLetters, report: SessionReport
) -> dict[str, list[_Parcel]]:
    grouped: dict[str, list[_Parcel]] = {}
    for streamed in batch:
        try:
            record = ResultRecord.model_validate_json(streamed.data)
        except ValidationError as error:
            _bury(streamed, InvalidEventError(f"not a result record: {error.errors()[0]}"), dead_letters, report)
            continue
        grouped.setdefault(activity_key(record), []).append(_Parcel(streamed.sequence_number, record))
    return grouped


def _bury(streamed: StreamedRecord, problem: PermanentError, dead_letters: DeadLetters, report: SessionReport) -> None:
    try:
        dead_letters.bury(streamed.data.decode(errors="backslashreplace"), problem)
    except KinesightError as error:
        report.failures.append(StreamFailure(streamed.sequence_number, error))
        report.failed_sequence_numbers.append(streamed.sequence_number)
        return
    report.buried += 1


def _track(key: str, records: Sequence[ResultRecord], ports: SessionPorts, report: SessionReport) -> None:
    rules = _camera(key, ports)
    seen = [observation_of(record, rules, ports.selector) for record in records]
    if not rules.camera.needs_order:
        seen = [one for one in seen if one.hits]  # what matched nothing changes nothing
    if seen:
        _change(key, ports, report, lambda tracker: tracker.add(seen, ports.now_ms()))


def _camera(key: str, ports: SessionPorts) -> CameraRules:
    return ports.rules().of_stream(key.removesuffix(_ON_DEMAND))


def _change(key: str, ports: SessionPorts, report: SessionReport, work: Callable[[SessionTracker], None]) -> None:
    """Loads, changes, saves, tells. Raises StorageBusyError, DeliveryError; nothing is lost then."""
    stream_name, camera = key.removesuffix(_ON_DEMAND), _camera(key, ports).camera
    for _ in range(_ATTEMPTS):
        versioned = ports.activities.load(key)
        activity = _activity(versioned.body)
        work(SessionTracker(activity, stream_name, camera, in_order_of_silence=key.endswith(_ON_DEMAND)))
        body = ACTIVITY.dump_json(activity).decode()
        version = versioned.version
        if body != versioned.body:
            if not ports.activities.save(key, body, version):
                continue
            version += 1
        if activity.outbox:
            _tell(activity, camera.sessions, ports, report)
            _empty_outbox(key, activity, version, ports)
        return
    raise StorageBusyError(f"the activity of {key} was changed by others {_ATTEMPTS} times")


def _empty_outbox(key: str, activity: Activity, version: int, ports: SessionPorts) -> None:
    """If somebody else has saved meanwhile, they tell it again, which has no further effect."""
    activity.outbox = []
    ports.activities.save(key, ACTIVITY.dump_json(activity).decode(), version)


def _activity(body: str | None) -> Activity:
    return Activity() if body is None else ACTIVITY.validate_json(body)


def _tell(activity: Activity, settings: SessionSettings, ports: SessionPorts, report: SessionReport) -> None:
    for event in activity.outbox:
        if event.type is SessionEventType.ALERT:
            report.alerts += _alert_once(event, ports)
        else:
            ports.events.send(event.type, document_of(event.session))
        ports.sessions.put(event.session)
        if event.session.closed and ports.videos is not None:
            order = order_of(event.session, settings).model_dump_json(by_alias=True)
            ports.videos.queue.send_later(order, delay_s(settings, ports.videos.settle_s))
        report.opened += event.type is SessionEventType.NEW
        report.ended += event.type is SessionEventType.END


def _alert_once(event: SessionEvent, ports: SessionPorts) -> bool:
    work = f"alert:session:{event.session.session_id}"
    if ports.alerts is None or not ports.ledger.begin(work):
        return False
    try:
        ports.alerts.send(alert_of(event.session, ports.link))
    except BaseException:
        ports.ledger.release(work)
        raise
    ports.ledger.finish(work)
    return True
