"""What is told of sessions, to whom: events to programs, alerts to people, the newest state to the store.

Programs are told in order, so the first event that fails holds back those after it. Alerts leave for other people's
systems: one that fails waits, and holds back nothing; one that a channel refuses for good is given up, and reported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kinesight.domain.errors import ChannelRefusedError, KinesightError, PermanentError
from kinesight.domain.ports import Alert, AlertChannel, Ledger
from kinesight.domain.sessions.alerts import alert_of, document_of
from kinesight.domain.sessions.ports import SessionChannel, SessionStore
from kinesight.domain.sessions.tracker import Session, SessionEvent, SessionEventType

_MOST_WAITING_ALERTS = 50
"""Some kilobytes each, in an item of which DynamoDB takes 400 KB."""


@dataclass(frozen=True, slots=True)
class AlertRoute:
    """A channel, and what its alerts say."""

    channel: AlertChannel
    compose: Callable[[Session, Callable[[str], str]], Alert] = alert_of


@dataclass(frozen=True, slots=True)
class NotificationTargets:
    """Whoever is told. Any number of channels, each under a name of its own."""

    sessions: SessionStore
    events: Mapping[str, SessionChannel]
    alerts: Mapping[str, AlertRoute]
    link: Callable[[str], str]
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a channel will never take."""

    channel: str
    session_id: str
    error: PermanentError


@dataclass(frozen=True, slots=True)
class Delivery:
    """That somebody was told of a session: programs on all of their channels, or people on this one."""

    type: SessionEventType
    session: Session
    channel: str | None = None


@dataclass(slots=True)
class Told:
    """What became of an outbox: `untold` is to be told again, in this order, `tidings` were told. `failed_alerts`: why
    some alerts wait, and `failure` why events do."""

    untold: list[SessionEvent] = field(default_factory=list)
    tidings: list[Delivery] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    failed_alerts: list[KinesightError] = field(default_factory=list)
    failure: KinesightError | None = None


def tell(
    outbox: Sequence[SessionEvent], audience: NotificationTargets, order_video: Callable[[Session], None] | None = None
) -> Told:
    """Tells everything that can be told now, and has the video of an ended session archived. Never raises a
    KinesightError: what failed is in the answer."""
    told = Told()
    for event in outbox:
        if event.type is SessionEventType.ALERT:
            _tell_people(event, audience, told)
        elif told.failure is not None:
            told.untold.append(event)
        else:
            _tell_programs(event, audience, order_video, told)
    _give_up_oldest_alerts(told)
    return told


def _tell_programs(
    event: SessionEvent, audience: NotificationTargets, order_video: Callable[[Session], None] | None, told: Told
) -> None:
    for name, channel in audience.events.items():
        try:
            channel.send(event.type, document_of(event.session))
        except PermanentError as error:
            told.refusals.append(Refusal(name, event.session.session_id, error))
        except KinesightError as error:
            told.failure = told.failure or error
    try:
        audience.sessions.put(event.session)
        if event.session.closed and order_video is not None:
            order_video(event.session)
    except KinesightError as error:
        told.failure = told.failure or error
    if told.failure is not None:
        told.untold.append(event)
        return
    told.tidings.append(Delivery(event.type, event.session))


def _tell_people(event: SessionEvent, audience: NotificationTargets, told: Told) -> None:
    failures: list[KinesightError] = []
    for name, route in audience.alerts.items():
        try:
            if _alert_once(name, route, event.session, audience):
                told.tidings.append(Delivery(event.type, event.session, name))
        except PermanentError as error:
            told.refusals.append(Refusal(name, event.session.session_id, error))
        except KinesightError as error:
            failures.append(error)
    if failures:
        told.untold.append(event)
        told.failed_alerts += failures


def _alert_once(name: str, route: AlertRoute, session: Session, audience: NotificationTargets) -> bool:
    """Each channel has an entry of its own in the ledger, so that one that fails repeats nothing on the others."""
    work = f"alert:session:{session.session_id}:{name}"
    if not audience.ledger.begin(work):
        return False
    try:
        route.channel.send(route.compose(session, audience.link))
    except PermanentError:
        audience.ledger.finish(work)
        raise
    except BaseException:
        audience.ledger.release(work)
        raise
    audience.ledger.finish(work)
    return True


def _give_up_oldest_alerts(told: Told) -> None:
    """A channel that is down for long must not fill the item that everything else of the stream is in."""
    waiting = [event for event in told.untold if event.type is SessionEventType.ALERT]
    for event in waiting[:-_MOST_WAITING_ALERTS]:
        told.untold.remove(event)
        error = ChannelRefusedError(f"over {_MOST_WAITING_ALERTS} alerts of {event.session.stream_name} wait")
        told.refusals.append(Refusal("any", event.session.session_id, error))
