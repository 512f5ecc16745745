"""track_sessions: every record of the results stream → sessions per camera → events, and one alert per session.

What is remembered of a stream is one document, saved under its version before anything is told; what is to be told is
part of it (an outbox), and is taken out when it was told. So a death at any moment tells at least once, and the ledger
makes that once for alerts, on each of their channels. The video of a session that has ended is ordered of
archive_session, which may hear of it twice; here no video is fetched, so that alerts never wait for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from kinesight.domain.batches import FailedItems, ItemFailure, StreamedRecord
from kinesight.domain.errors import InvalidEventError, KinesightError, StorageBusyError
from kinesight.domain.model import Frame, FrameSource, ResultRecord, Selector, to_epoch_ms
from kinesight.domain.ports import DeadLetters, DelayedMessages, VersionedDocuments
from kinesight.domain.rules.document import SessionSettings
from kinesight.domain.rules.matching import CameraRules, Rules
from kinesight.domain.sessions.outbox import Delivery, NotificationTargets, Refusal, tell
from kinesight.domain.sessions.tracker import (
    ACTIVITY,
    Activity,
    Hit,
    ImageClocks,
    Observation,
    Session,
    SessionEventType,
    SessionTracker,
)
from kinesight.domain.sessions.video import delay_s, order_of

_ATTEMPTS = 8
_ON_DEMAND = "|on-demand"
"""Ranges of the past are apart from what happens now; a stream's name has no such letter."""


@dataclass(frozen=True, slots=True)
class ClipOrders:
    """The queue that archive_session reads; `settle_s` is how long after the post-roll all of it has arrived."""

    queue: DelayedMessages
    settle_s: int


@dataclass(frozen=True, slots=True)
class SessionPorts:
    """The outside world of this verb. `videos` is None where only the fragments that matched are kept. `selector`: by
    whose clock KVS times the pictures that it generates."""

    activities: VersionedDocuments
    rules: Callable[[], Rules]
    audience: NotificationTargets
    dead_letters: DeadLetters
    now_ms: Callable[[], int]
    videos: ClipOrders | None = None
    selector: Selector = "PRODUCER_TIMESTAMP"


@dataclass(slots=True)
class SessionReport(FailedItems):
    """Result of a batch. One failure per stream; its `subject` is the key of the stream's activity."""

    tidings: list[Delivery] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def told(self, kind: SessionEventType) -> int:
        """How often somebody was told of this: an alert counts once for each channel."""
        return sum(tiding.type is kind for tiding in self.tidings)


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
            report.retry(ItemFailure(None, error, subject=key))
            report.redeliver(one.sequence_number for one in parcels)
    return report


def pass_time(ports: SessionPorts) -> SessionReport:
    """Closes sessions of streams that have gone silent, and tells what could not be told before."""
    report = SessionReport()
    for key, versioned in ports.activities.all().items():
        activity = _activity(versioned.body)
        if SessionTracker(activity, key, _camera(key, ports).camera, waits_for_silence=False).is_idle:
            continue
        try:
            _change(key, ports, report, lambda tracker: tracker.pass_time(ports.now_ms()))
        except KinesightError as error:
            report.retry(ItemFailure(None, error, subject=key))
    return report


def state_key(record: ResultRecord) -> str:
    """One per stream and kind of source."""
    on_demand = record.frame.source is FrameSource.ON_DEMAND
    return record.frame.stream_name + (_ON_DEMAND if on_demand else "")


def observation_of(record: ResultRecord, rules: CameraRules, selector: Selector = "PRODUCER_TIMESTAMP") -> Observation:
    """What the rules of now say of a picture. `selector`: as in SessionPorts."""
    frame = record.frame
    matches = rules.match(record.detections, frame.image_timestamp, frame.tags)
    hits = tuple(
        Hit(one.detection.label, one.detection.confidence, one.detection.bounding_box, one.rules, one.detection.zones)
        for one in matches
        if one.rules
    )
    clocks = ImageClocks(_epoch_ms(frame.producer_timestamp), _epoch_ms(frame.server_timestamp)) if hits else None
    at_ms, by_server = to_epoch_ms(frame.image_timestamp), _by_server(frame, selector)
    return Observation(record.result_id, at_ms, frame.fragment_number, hits, by_server, clocks)


def _by_server(frame: Frame, selector: Selector) -> bool:
    """Live pictures are timed by the camera; a range's by the clock that it was asked for, and they tell no other."""
    match frame.source:
        case FrameSource.LIVE:
            return False
        case FrameSource.ON_DEMAND:
            return frame.producer_timestamp is None
        case _:
            return selector == "SERVER_TIMESTAMP"


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_epoch_ms(moment)


def _by_key(
    batch: Sequence[StreamedRecord], dead_letters: DeadLetters, report: SessionReport
) -> dict[str, list[_Parcel]]:
    grouped: dict[str, list[_Parcel]] = {}
    for streamed in batch:
        try:
            record = ResultRecord.model_validate_json(streamed.data)
        except ValidationError as error:
            problem = InvalidEventError(f"not a result record: {error.errors()[0]}")
            report.dead_letter(streamed.body, dead_letters, ItemFailure(streamed.sequence_number, problem))
            continue
        grouped.setdefault(state_key(record), []).append(_Parcel(streamed.sequence_number, record))
    return grouped


def _track(key: str, records: Sequence[ResultRecord], ports: SessionPorts, report: SessionReport) -> None:
    rules = _camera(key, ports)
    seen = [observation_of(record, rules, ports.selector) for record in records]
    if not rules.camera.needs_order:
        seen = [one for one in seen if one.hits]  # what matched nothing changes nothing
    if not seen:
        return
    arn = next((record.frame.stream_arn for record in records if record.frame.stream_arn is not None), None)

    def add(tracker: SessionTracker) -> None:
        tracker.activity.stream_arn = arn or tracker.activity.stream_arn
        tracker.add(seen, ports.now_ms())

    _change(key, ports, report, add)


def _camera(key: str, ports: SessionPorts) -> CameraRules:
    return ports.rules().of_stream(key.removesuffix(_ON_DEMAND))


def _change(key: str, ports: SessionPorts, report: SessionReport, work: Callable[[SessionTracker], None]) -> None:
    """Loads, changes, saves, tells. Raises StorageBusyError, DeliveryError; nothing is lost then."""
    stream_name, camera = key.removesuffix(_ON_DEMAND), _camera(key, ports).camera
    for _ in range(_ATTEMPTS):
        versioned = ports.activities.load(key)
        activity = _activity(versioned.body)
        work(SessionTracker(activity, stream_name, camera, waits_for_silence=key.endswith(_ON_DEMAND)))
        body = ACTIVITY.dump_json(activity).decode()
        version = versioned.version
        if body != versioned.body:
            if not ports.activities.save(key, body, version):
                continue
            version += 1
        if activity.outbox:
            _empty_outbox(key, activity, version, ports, report)
        return
    raise StorageBusyError(f"the activity of {key} was changed by others {_ATTEMPTS} times")


def _empty_outbox(key: str, activity: Activity, version: int, ports: SessionPorts, report: SessionReport) -> None:
    """Tells, and keeps what could not be told. If somebody else has saved meanwhile, they tell it again, which has no
    further effect. Alerts that wait are reported without failing the records, which hold nothing more to do."""
    told = tell(activity.outbox, ports.audience, _video_orders(ports, _camera(key, ports).camera.sessions))
    report.tidings += told.tidings
    report.refusals += told.refusals
    report.retry(*(ItemFailure(None, error, subject=key) for error in told.failed_alerts))
    if told.untold != activity.outbox:
        activity.outbox = told.untold
        ports.activities.save(key, ACTIVITY.dump_json(activity).decode(), version)
    if told.failure is not None:
        raise told.failure


def _activity(body: str | None) -> Activity:
    return Activity() if body is None else ACTIVITY.validate_json(body)


def _video_orders(ports: SessionPorts, settings: SessionSettings) -> Callable[[Session], None] | None:
    videos = ports.videos
    if videos is None:
        return None

    def order(session: Session) -> None:
        body = order_of(session, settings).model_dump_json(by_alias=True)
        videos.queue.send_later(body, delay_s(settings, videos.settle_s))

    return order
