"""start_analysis: notifications of KVS → executions of the on-demand workflow, one per stream and burst.

What is known of a stream's bursts is one versioned document, so any number of functions may add to it. A burst that is
still open needs somebody to look at it later: a message to ourselves, sent before the document is saved. A burst that
closes is saved as closing before it is started, under a name that says its range: whatever is cut off where, the next
message goes on, and nothing is started twice.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from kinesight.domain.batches import FailedItems, ItemFailure, QueuedMessage
from kinesight.domain.errors import InvalidEventError, KinesightError, PermanentError, StorageBusyError
from kinesight.domain.model import Selector, Value
from kinesight.domain.on_demand.executions import AnalysisRun, stream_name_of
from kinesight.domain.on_demand.kvs_notifications import NotifiedFragment, parse_notification
from kinesight.domain.on_demand.notification_bursts import Burst, BurstRules, ClosedBurst, StreamBursts
from kinesight.domain.on_demand.ports import AnalysisWorkflow
from kinesight.domain.ports import (
    LONGEST_FRAGMENT_MS,
    DeadLetters,
    DelayedMessages,
    FragmentIndex,
    Versioned,
    VersionedDocuments,
)

NOTIFIED = "notified"
"""How the names of executions begin that notifications started."""

_ATTEMPTS = 10
LONGEST_DELAY_S = 900
"""The longest that SQS delays a message (API_SendMessage)."""


class Reminder(Value):
    """Our own message: look at this stream's bursts. `wake_at_ms` tells it from one that was replaced."""

    reminder_of: str
    wake_at_ms: int


@dataclass(frozen=True, slots=True)
class StartPorts:
    """The outside world of this verb. `now_ms`: the present, epoch milliseconds."""

    bursts: VersionedDocuments
    fragments: FragmentIndex
    workflow: AnalysisWorkflow
    reminders: DelayedMessages
    dead_letters: DeadLetters
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class StartSettings:
    """How bursts are made, and by whose clock."""

    rules: BurstRules
    selector: Selector


@dataclass(slots=True)
class StartReport(FailedItems):
    """Result of a batch."""

    fragments: list[NotifiedFragment] = field(default_factory=list)
    started: list[AnalysisRun] = field(default_factory=list)


@dataclass(slots=True)
class _Mail:
    """What a batch says of one stream."""

    messages: list[QueuedMessage] = field(default_factory=list)
    fragments: list[NotifiedFragment] = field(default_factory=list)
    reminders: set[int] = field(default_factory=set)


def start_analyses(messages: Sequence[QueuedMessage], ports: StartPorts, plan: StartSettings) -> StartReport:
    """What one stream or message could not do is in the report, never an exception."""
    report = StartReport()
    for stream_arn, mail in _sorted_by_stream(messages, ports, plan, report).items():
        try:
            report.started += _Stream(stream_arn, ports, plan).take(mail)
        except PermanentError as error:
            for message in mail.messages:
                report.dead_letter(message.body, ports.dead_letters, ItemFailure(message.message_id, error))
        except KinesightError as error:
            report.retry(*(ItemFailure(message.message_id, error) for message in mail.messages))
        else:
            report.fragments += mail.fragments
    return report


def _sorted_by_stream(
    messages: Sequence[QueuedMessage], ports: StartPorts, plan: StartSettings, report: StartReport
) -> dict[str, _Mail]:
    mails: dict[str, _Mail] = defaultdict(_Mail)
    for message in messages:
        reminder = _reminder(message.body)
        if reminder is not None:
            mails[reminder.reminder_of].reminders.add(reminder.wake_at_ms)
            mails[reminder.reminder_of].messages.append(message)
            continue
        try:
            fragment = parse_notification(message.body, plan.selector)
        except InvalidEventError as error:
            report.dead_letter(message.body, ports.dead_letters, ItemFailure(message.message_id, error))
        else:
            mails[fragment.stream_arn].fragments.append(fragment)
            mails[fragment.stream_arn].messages.append(message)
    return mails


def _reminder(body: str) -> Reminder | None:
    try:
        return Reminder.model_validate_json(body)
    except ValidationError:
        return None


class _Stream:
    """One stream's bursts, for one batch."""

    def __init__(self, stream_arn: str, ports: StartPorts, plan: StartSettings) -> None:
        self._arn = stream_arn
        self._ports = ports
        self._plan = plan
        self._now_ms = ports.now_ms()
        self._ends_ms: dict[str, int] = {}
        self._wake_at_ms: int | None = None

    def take(self, mail: _Mail) -> list[AnalysisRun]:
        """The executions that were started. Raises KinesightError; then the mail is to come again."""
        bursts = self._update(lambda known: self._advanced(known, mail))
        runs = [self._run(one) for one in bursts.closing]
        started = [run for run in runs if self._ports.workflow.start(run.execution_name(NOTIFIED), run.document())]
        if bursts.closing:
            self._update(lambda known: known.with_started(bursts.closing))
        return started

    def _advanced(self, known: StreamBursts, mail: _Mail) -> StreamBursts:
        rules = self._plan.rules
        bursts = known
        for fragment in mail.fragments:
            bursts = bursts.with_fragment(fragment, self._now_ms, rules)
        for burst in bursts.due(self._now_ms, rules):
            bursts = bursts.with_closing(burst, self._end_ms(burst), rules)
        if bursts.wake_at_ms in mail.reminders or (bursts.wake_at_ms or 0) <= self._now_ms:
            bursts = bursts.model_copy(update={"wake_at_ms": self._reminded(bursts)})
        return bursts

    def _reminded(self, bursts: StreamBursts) -> int | None:
        """When the next look comes, after sending for it once."""
        due_at_ms = bursts.next_due_at_ms(self._plan.rules)
        if due_at_ms is None:
            return None
        if self._wake_at_ms is None:
            delay_s = min(LONGEST_DELAY_S, max(1, -(-(due_at_ms - self._now_ms) // 1000)))
            self._wake_at_ms = self._now_ms + delay_s * 1000
            body = Reminder(reminder_of=self._arn, wake_at_ms=self._wake_at_ms).model_dump_json(by_alias=True)
            self._ports.reminders.send_later(body, delay_s)
        return self._wake_at_ms

    def _end_ms(self, burst: Burst) -> int:
        """Where the burst's last fragment ends. One that KVS lists no more counts as long as a fragment may be."""
        if burst.last_fragment not in self._ends_ms:
            near = self._ports.fragments.fragments(
                stream_name_of(self._arn) or "", self._plan.selector, burst.last_ms, burst.last_ms + 1000
            )
            lengths = [one.length_ms for one in near if one.number == burst.last_fragment]
            self._ends_ms[burst.last_fragment] = burst.last_ms + max(
                [*lengths, 1] if lengths else [LONGEST_FRAGMENT_MS]
            )
        return self._ends_ms[burst.last_fragment]

    def _run(self, closed: ClosedBurst) -> AnalysisRun:
        interval_ms = self._plan.rules.interval_ms
        return AnalysisRun(self._arn, self._plan.selector, closed.start_ms, closed.end_ms, interval_ms)

    def _update(self, change: Callable[[StreamBursts], StreamBursts]) -> StreamBursts:
        """Raises StorageBusyError where others were always faster."""
        for _ in range(_ATTEMPTS):
            found = self._ports.bursts.load(self._arn)
            known = _bursts(found)
            bursts = change(known)
            if bursts == known or self._ports.bursts.save(self._arn, bursts.model_dump_json(), found.version):
                return bursts
        raise StorageBusyError(f"the bursts of {self._arn} were changed by others {_ATTEMPTS} times in a row")


def _bursts(found: Versioned) -> StreamBursts:
    return StreamBursts() if found.body is None else StreamBursts.model_validate_json(found.body)
