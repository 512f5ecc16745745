"""start_analysis: starts executions of the on-demand workflow for KVS notifications, one per stream and burst.

The bursts of a stream are one versioned document, so concurrent functions can update it. An open burst is checked again
after a delayed message, which is sent before the document is saved. A burst is saved as closing before its execution is
started under a name that contains its range, so the function may stop at any step: the next message continues, and no
execution starts twice.

A fragment counts only if KVS lists it, so that a forged notification starts nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from kinesight.domain.batches import FailedItems, ItemFailure, QueuedMessage, classified, run_safely
from kinesight.domain.errors import FragmentNotListedError, KinesightError, StorageBusyError, UnexpectedError
from kinesight.domain.model import Selector, Value
from kinesight.domain.on_demand.executions import AnalysisRun, stream_name_of
from kinesight.domain.on_demand.kvs_notifications import NotifiedFragment, parse_notification
from kinesight.domain.on_demand.notification_bursts import Burst, BurstRules, ClosedBurst, StreamBursts
from kinesight.domain.on_demand.ports import AnalysisWorkflow
from kinesight.domain.on_demand.recorded_fragments import recorded_fragments
from kinesight.domain.ports import (
    LONGEST_FRAGMENT_MS,
    DeadLetters,
    DelayedMessages,
    FragmentIndex,
    Versioned,
    VersionedDocuments,
)

NOTIFIED = "notified"
"""Prefix of the names of executions that notifications start."""

_ATTEMPTS = 10
_LISTING_ATTEMPTS = 3
"""Deliveries of a message until its fragment has to be listed: KVS may list a new fragment late."""
LONGEST_DELAY_S = 900
"""Maximum delay of an SQS message (API_SendMessage)."""


class Reminder(Value):
    """A delayed message: check the bursts of this stream. `wake_at_ms` distinguishes it from a message it replaced."""

    reminder_of: str
    wake_at_ms: int


@dataclass(frozen=True, slots=True)
class StartPorts:
    """Ports of this function. `now_ms` returns epoch milliseconds."""

    bursts: VersionedDocuments
    fragments: FragmentIndex
    workflow: AnalysisWorkflow
    reminders: DelayedMessages
    dead_letters: DeadLetters
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class StartSettings:
    """Rules of the bursts of a stream, by its name (None: it has no detector), and the timestamp that selects
    fragments."""

    rules: Callable[[str], BurstRules | None]
    selector: Selector


@dataclass(slots=True)
class StartReport(FailedItems):
    """Result of a batch. Fragments `without_detector` are in no burst."""

    fragments: list[NotifiedFragment] = field(default_factory=list)
    without_detector: list[NotifiedFragment] = field(default_factory=list)
    started: list[AnalysisRun] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Mail:
    """A message: of a notified fragment, or a reminder of a time in epoch milliseconds."""

    message: QueuedMessage
    fragment: NotifiedFragment | None = None
    reminder_ms: int | None = None


def start_analyses(messages: Sequence[QueuedMessage], ports: StartPorts, settings: StartSettings) -> StartReport:
    """Processes a batch. Errors of streams and messages are in the report, never raised."""
    report = StartReport()
    for stream_arn, mail in _sorted_by_stream(messages, ports, settings, report).items():
        _take_safely(stream_arn, mail, ports, settings, report)
    return report


def _take_safely(
    stream_arn: str, mail: Sequence[_Mail], ports: StartPorts, settings: StartSettings, report: StartReport
) -> None:
    """An unexpected error fails one message only: each is tried alone then."""
    error = run_safely(lambda: _take(stream_arn, mail, ports, settings, report))
    if isinstance(error, UnexpectedError) and len(mail) > 1:
        for one in mail:
            _take_safely(stream_arn, [one], ports, settings, report)
    elif error is not None:
        for one in mail:
            _fail(one.message, error, ports, report)


def _take(
    stream_arn: str, mail: Sequence[_Mail], ports: StartPorts, settings: StartSettings, report: StartReport
) -> None:
    rules = settings.rules(stream_name_of(stream_arn) or "")
    fragments = {one.fragment for one in mail if one.fragment is not None}
    if rules is None:
        report.without_detector += [one.fragment for one in mail if one.fragment is not None]
        return
    found = recorded_fragments(fragments, settings.selector, ports.fragments)
    recorded = [_as_listed(one, found) for one in mail if one.fragment is None or one.fragment in found]
    report.started += _Stream(stream_arn, ports, settings.selector, rules).take(recorded)
    report.fragments += [one.fragment for one in recorded if one.fragment is not None]
    for one in mail:
        if one.fragment is not None and one.fragment not in found:
            _refuse(one.message, one.fragment, ports, report)


def _as_listed(mail: _Mail, found: Mapping[NotifiedFragment, NotifiedFragment]) -> _Mail:
    return mail if mail.fragment is None else replace(mail, fragment=found[mail.fragment])


def _refuse(message: QueuedMessage, fragment: NotifiedFragment, ports: StartPorts, report: StartReport) -> None:
    """Retries a message of a fragment that KVS does not list, which it may do later; then dead-letters it."""
    failure = ItemFailure(
        message.message_id,
        FragmentNotListedError(
            f"KVS lists no fragment {fragment.fragment_number} of {fragment.stream_arn} at the time of the "
            f"notification, {fragment.start_ms}: it has expired, or the notification is forged"
        ),
    )
    if message.receive_count < _LISTING_ATTEMPTS:
        report.retry(failure)
    else:
        report.dead_letter(message.body, ports.dead_letters, failure)


def _fail(message: QueuedMessage, error: KinesightError, ports: StartPorts, report: StartReport) -> None:
    report.fail_message(message, ports.dead_letters, ItemFailure(message.message_id, error))


def _sorted_by_stream(
    messages: Sequence[QueuedMessage], ports: StartPorts, settings: StartSettings, report: StartReport
) -> dict[str, list[_Mail]]:
    by_stream: dict[str, list[_Mail]] = defaultdict(list)
    for message in messages:
        try:
            stream_arn, mail = _read(message, settings)
        except Exception as error:  # noqa: BLE001 - an unexpected error fails this message only
            _fail(message, classified(error), ports, report)
        else:
            by_stream[stream_arn].append(mail)
    return by_stream


def _read(message: QueuedMessage, settings: StartSettings) -> tuple[str, _Mail]:
    """Returns the ARN of the stream, and the message. Raises InvalidEventError."""
    reminder = _reminder(message.body)
    if reminder is not None:
        return reminder.reminder_of, _Mail(message, reminder_ms=reminder.wake_at_ms)
    fragment = parse_notification(message.body, settings.selector)
    return fragment.stream_arn, _Mail(message, fragment)


def _reminder(body: str) -> Reminder | None:
    try:
        return Reminder.model_validate_json(body)
    except ValidationError:
        return None


class _Stream:
    """Updates the bursts of one stream for one batch."""

    def __init__(self, stream_arn: str, ports: StartPorts, selector: Selector, rules: BurstRules) -> None:
        self._arn = stream_arn
        self._ports = ports
        self._selector = selector
        self._rules = rules
        self._now_ms = ports.now_ms()
        self._ends_ms: dict[str, int] = {}
        self._wake_at_ms: int | None = None

    def take(self, mail: Sequence[_Mail]) -> list[AnalysisRun]:
        """Returns the executions that were started. Raises KinesightError; then the messages have to be redelivered."""
        bursts = self._update(lambda known: self._advance(known, mail))
        runs = [self._run(one) for one in bursts.closing]
        started = [run for run in runs if self._ports.workflow.start(run.execution_name(NOTIFIED), run.document())]
        if bursts.closing:
            self._update(lambda known: known.with_started(bursts.closing))
        return started

    def _advance(self, known: StreamBursts, mail: Sequence[_Mail]) -> StreamBursts:
        rules = self._rules
        bursts = known
        for one in mail:
            if one.fragment is not None:
                bursts = bursts.with_fragment(one.fragment, self._now_ms, rules)
        for burst in bursts.due(self._now_ms, rules):
            bursts = bursts.with_closing(burst, self._end_ms(burst), rules)
        if bursts.wake_at_ms in {one.reminder_ms for one in mail} or (bursts.wake_at_ms or 0) <= self._now_ms:
            bursts = bursts.model_copy(update={"wake_at_ms": self._next_check(bursts)})
        return bursts

    def _next_check(self, bursts: StreamBursts) -> int | None:
        """Returns the time of the next check, after sending its delayed message once."""
        due_at_ms = bursts.next_due_at_ms(self._rules)
        if due_at_ms is None:
            return None
        if self._wake_at_ms is None:
            delay_s = min(LONGEST_DELAY_S, max(1, -(-(due_at_ms - self._now_ms) // 1000)))
            self._wake_at_ms = self._now_ms + delay_s * 1000
            body = Reminder(reminder_of=self._arn, wake_at_ms=self._wake_at_ms).model_dump_json(by_alias=True)
            self._ports.reminders.send_later(body, delay_s)
        return self._wake_at_ms

    def _end_ms(self, burst: Burst) -> int:
        """Returns the end of the burst's last fragment. If KVS does not list it any more, the maximum length is
        assumed."""
        if burst.last_fragment not in self._ends_ms:
            near = self._ports.fragments.fragments(
                stream_name_of(self._arn) or "", self._selector, burst.last_ms, burst.last_ms + 1000
            )
            lengths = [one.length_ms for one in near if one.number == burst.last_fragment]
            self._ends_ms[burst.last_fragment] = burst.last_ms + max(
                [*lengths, 1] if lengths else [LONGEST_FRAGMENT_MS]
            )
        return self._ends_ms[burst.last_fragment]

    def _run(self, closed: ClosedBurst) -> AnalysisRun:
        interval_ms = self._rules.interval_ms
        return AnalysisRun(self._arn, self._selector, closed.start_ms, closed.end_ms, interval_ms, closed.last_fragment)

    def _update(self, change: Callable[[StreamBursts], StreamBursts]) -> StreamBursts:
        """Applies and saves a change. Raises StorageBusyError if every save lost against a concurrent one."""
        for _ in range(_ATTEMPTS):
            found = self._ports.bursts.load(self._arn)
            known = _bursts(found)
            bursts = change(known)
            if bursts == known or self._ports.bursts.save(self._arn, bursts.model_dump_json(), found.version):
                return bursts
        raise StorageBusyError(f"the bursts of {self._arn} were changed concurrently {_ATTEMPTS} times in a row")


def _bursts(found: Versioned) -> StreamBursts:
    return StreamBursts.stored(found.body) or StreamBursts()
