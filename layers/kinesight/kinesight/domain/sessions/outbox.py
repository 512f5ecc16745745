"""Delivers the changes of sessions: events to other software, alerts to people, the newest state to the session store.

Events are published in order, so the first one that fails delays those after it. Alerts go to systems of other owners:
one that fails waits and delays nothing; one that a channel refuses permanently is given up and reported. What keeps
failing with an unexpected error is given up too, after batches.MOST_ATTEMPTS deliveries, to be dead-lettered.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from kinesight.domain.batches import is_final, is_repeated, run_safely
from kinesight.domain.errors import ChannelRefusedError, DeliveryError, KinesightError, PermanentError
from kinesight.domain.ports import Alert, AlertChannel, Ledger
from kinesight.domain.sessions.alerts import alert_of, document_of
from kinesight.domain.sessions.model import SESSION_EVENT, Session, SessionEvent, SessionEventType
from kinesight.domain.sessions.ports import SessionChannel, SessionStore

_MOST_WAITING_ALERTS = 50
_MOST_WAITING_CHARACTERS = 200_000
"""The outbox is part of an item that DynamoDB limits to 400 KB."""


@dataclass(frozen=True, slots=True)
class AlertRoute:
    """An alert channel, and the function that composes its alerts."""

    channel: AlertChannel
    compose: Callable[[Session, Callable[[str], str]], Alert] = alert_of


@dataclass(frozen=True, slots=True)
class NotificationTargets:
    """Where changes are delivered; channels by name."""

    sessions: SessionStore
    events: Mapping[str, SessionChannel]
    alerts: Mapping[str, AlertRoute]
    link: Callable[[str], str]
    ledger: Ledger

    def only(self, alert_channels: Collection[str] | None) -> "NotificationTargets":
        """The targets with these alert channels alone; None for all."""
        if alert_channels is None:
            return self
        return replace(self, alerts={name: one for name, one in self.alerts.items() if name in alert_channels})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A delivery that a channel refused permanently."""

    channel: str
    session_id: str
    error: PermanentError


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivered change: an event on all event channels, or an alert on one channel."""

    type: SessionEventType
    session: Session
    channel: str | None = None


@dataclass(slots=True)
class DeliveryResult:
    """Outcome of an outbox. `undelivered` is to be delivered again, in this order; `given_up` is not, for the error
    beside it. `failed_alerts`: errors of waiting alerts; `failure`: the error that stopped the events."""

    undelivered: list[SessionEvent] = field(default_factory=list)
    given_up: list[tuple[SessionEvent, KinesightError]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    failed_alerts: list[KinesightError] = field(default_factory=list)
    failure: KinesightError | None = None


def deliver(
    outbox: Sequence[SessionEvent], targets: NotificationTargets, order_clip: Callable[[Session], None] | None = None
) -> DeliveryResult:
    """Delivers the outbox and orders the clip of each session that ended. Raises nothing: failures are in the
    result."""
    result = DeliveryResult()
    for event in outbox:
        if event.type is SessionEventType.ALERT:
            _send_alerts(event, targets, result)
        elif result.failure is not None:
            result.undelivered.append(event)
        else:
            _publish_event(event, targets, order_clip, result)
    _drop_oldest_alerts(result)
    _give_up_oldest(result)
    return result


def _publish_event(
    event: SessionEvent,
    targets: NotificationTargets,
    order_clip: Callable[[Session], None] | None,
    result: DeliveryResult,
) -> None:
    failures: list[KinesightError] = []
    for name, channel in targets.events.items():
        error = run_safely(partial(_send_event, event, channel))
        if isinstance(error, PermanentError):
            result.refusals.append(Refusal(name, event.session.session_id, error))
        elif error is not None:
            failures.append(error)
    error = run_safely(lambda: _store(event.session, targets.sessions, order_clip))
    if error is not None:
        failures.append(error)
    if not failures:
        result.deliveries.append(Delivery(event.type, event.session))
    elif _waits(event, failures, result):
        result.failure = failures[0]


def _send_event(event: SessionEvent, channel: SessionChannel) -> None:
    channel.send(event.type, document_of(event.session))


def _store(session: Session, sessions: SessionStore, order_clip: Callable[[Session], None] | None) -> None:
    sessions.put(session)
    if session.closed and order_clip is not None:
        order_clip(session)


def _send_alerts(event: SessionEvent, targets: NotificationTargets, result: DeliveryResult) -> None:
    failures: list[KinesightError] = []
    for name, route in targets.alerts.items():
        error = run_safely(partial(_alert_once, name, route, event, targets, result))
        if isinstance(error, PermanentError):
            result.refusals.append(Refusal(name, event.session.session_id, error))
        elif error is not None:
            failures.append(error)
    if failures and _waits(event, failures, result):
        result.failed_alerts += failures


def _waits(event: SessionEvent, failures: Sequence[KinesightError], result: DeliveryResult) -> bool:
    """Whether an event that failed is to be delivered again."""
    attempts = event.attempts + any(is_repeated(error) for error in failures)
    if all(is_final(error, attempts) for error in failures):
        result.given_up.append((event, failures[0]))
        return False
    result.undelivered.append(replace(event, attempts=attempts))
    return True


def _alert_once(
    name: str, route: AlertRoute, event: SessionEvent, targets: NotificationTargets, result: DeliveryResult
) -> None:
    """Each channel has a ledger entry of its own, so that a retry for one channel repeats nothing on the others. An
    entry that cannot be written after the alert was sent expires; the alert is not sent again for that."""
    session, ledger = event.session, targets.ledger
    work = f"alert:session:{session.session_id}:{name}"
    if not ledger.begin(work):
        return
    try:
        route.channel.send(route.compose(session, targets.link))
    except PermanentError:
        run_safely(lambda: ledger.finish(work))
        raise
    except BaseException:
        run_safely(lambda: ledger.release(work))
        raise
    result.deliveries.append(Delivery(event.type, session, name))
    run_safely(lambda: ledger.finish(work))


def _give_up_oldest(result: DeliveryResult) -> None:
    """Bounds the outbox while a channel is down: its oldest changes are dead-lettered."""
    sizes = [len(SESSION_EVENT.dump_json(event)) for event in result.undelivered]
    too_much = sum(sizes) - _MOST_WAITING_CHARACTERS
    while too_much > 0:
        error = DeliveryError(f"more changes wait than are stored; the last error: {result.failure or 'none'}")
        result.given_up.append((result.undelivered.pop(0), error))
        too_much -= sizes.pop(0)


def _drop_oldest_alerts(result: DeliveryResult) -> None:
    """Bounds the alerts that wait: a channel that is down for long must not fill the item that holds the state."""
    waiting = [event for event in result.undelivered if event.type is SessionEventType.ALERT]
    for event in waiting[:-_MOST_WAITING_ALERTS]:
        result.undelivered.remove(event)
        error = ChannelRefusedError(f"over {_MOST_WAITING_ALERTS} alerts of {event.session.stream_name} wait")
        result.refusals.append(Refusal("any", event.session.session_id, error))
