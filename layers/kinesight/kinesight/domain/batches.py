"""Items of the batches that Lambda delivers, and what a batch reports of those that failed.

An item whose error is permanent is dead-lettered at once, and one whose error is transient is retried as long as its
source delivers it: an outage loses nothing. Any other error is a defect that a retry may or may not pass, so its item
has MOST_ATTEMPTS. What counts them:

items                     attempt
messages of a queue       SQS's count of deliveries
records of a stream       a loop in one invocation: Kinesis counts none, and a redelivery repeats the whole batch and
                          delays every stream of its shard
frames of a window        the window's report, which is stored before each retry
keyframes read live       a loop while the lease is held
events of a session       the stored state of the stream
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from kinesight.domain.errors import KinesightError, PermanentError, TransientError, UnexpectedError
from kinesight.domain.model import Frame
from kinesight.domain.ports import DeadLetters

MOST_ATTEMPTS = 5
"""Of an item whose error is neither permanent nor transient."""

MOST_DELIVERIES = 12
"""Of a message of a queue: `maxReceiveCount` in the template. SQS then moves it to the dead-letter queue, without a
reason."""

_FIRST_PAUSE_S = 0.5
_FIRST_DELAY_S = 30
_LONGEST_DELAY_S = 900


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """An SQS message. `receive_count`: how often it was delivered, this time included."""

    message_id: str
    body: str
    receipt_handle: str = ""
    receive_count: int = 1

    @property
    def retry_delay_s(self) -> int:
        """Seconds until a message that failed is delivered again: half a minute, doubled each time up to a quarter of
        an hour."""
        return min(_LONGEST_DELAY_S, _FIRST_DELAY_S << min(self.receive_count - 1, 10))


@dataclass(frozen=True, slots=True)
class StreamedRecord:
    """A record of the results stream as Lambda delivers it, its data decoded from base64."""

    sequence_number: str
    data: bytes

    @property
    def body(self) -> str:
        """The data as text for the dead-letter queue; bytes that are not UTF-8 are escaped."""
        return self.data.decode(errors="backslashreplace")


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """Failure of one item. `item_id` is the SQS message id or the Kinesis sequence number; None if Lambda delivered no
    item for it. `subject` is the image key, session id or activity key, if known. `frame` and `result_id` are set once
    the frame has been resolved."""

    item_id: str | None
    error: KinesightError
    subject: str | None = None
    frame: Frame | None = None
    result_id: str | None = None


@dataclass(slots=True)
class FailedItems:
    """Base of a batch's report: its items that failed. Lambda redelivers `failed_item_ids`."""

    failed_item_ids: list[str] = field(default_factory=list)
    dead_lettered: list[ItemFailure] = field(default_factory=list)
    retried: list[ItemFailure] = field(default_factory=list)

    def fail(self, body: str, attempt: int, queue: DeadLetters, *failures: ItemFailure) -> None:
        """Dead-letters one item if all its failures are final in this attempt; else it is redelivered as a whole: an
        item that is redelivered must not be dead-lettered as well."""
        others = [one for one in failures if not is_final(one.error, attempt)]
        if others:
            self.retry(*others)
        elif failures:
            self.dead_letter(body, queue, *failures)

    def fail_message(self, message: QueuedMessage, queue: DeadLetters, *failures: ItemFailure) -> None:
        """As `fail`. Dead-letters a message in its last delivery whatever its error, which is then its reason."""
        if failures and message.receive_count >= MOST_DELIVERIES:
            self.dead_letter(message.body, queue, *failures)
        else:
            self.fail(message.body, message.receive_count, queue, *failures)

    def retry(self, *failures: ItemFailure) -> None:
        """Has the items of these failures redelivered, each once."""
        self.retried += failures
        self.redeliver(one.item_id for one in failures if one.item_id is not None)

    def redeliver(self, item_ids: Iterable[str]) -> None:
        """Adds items to those that Lambda redelivers, each once."""
        self.failed_item_ids += [one for one in dict.fromkeys(item_ids) if one not in self.failed_item_ids]

    def dead_letter(self, body: str, queue: DeadLetters, *failures: ItemFailure) -> None:
        """Sends one item to the dead-letter queue with the reason of its first failure. If sending fails, the item is
        retried, so that no item is lost."""
        failure = dead_letter(body, failures[0].error, queue)
        if failure is not None:
            self.retry(replace(failures[0], error=failure))
        else:
            self.dead_lettered += failures


def dead_letter(body: str, reason: KinesightError, queue: DeadLetters) -> KinesightError | None:
    """Sends an item to the dead-letter queue; returns the error if that fails, after which the item must be retried."""
    return run_safely(lambda: queue.send_to_dead_letters(body, reason))


def is_final(error: KinesightError, attempt: int) -> bool:
    """Whether an item that fails with this error in this attempt, counted from 1, is dead-lettered."""
    if isinstance(error, TransientError):
        return False
    return isinstance(error, PermanentError) or attempt >= MOST_ATTEMPTS


def is_repeated(error: KinesightError | None) -> bool:
    """Whether this error is retried a bounded number of times."""
    return error is not None and not isinstance(error, TransientError | PermanentError)


def pauses_s() -> list[float]:
    """Returns the pauses between the attempts of one invocation, with full jitter: 4 s in the mean, together."""
    return [random.uniform(0, _FIRST_PAUSE_S * 2**number) for number in range(MOST_ATTEMPTS - 1)]


def classified(error: Exception) -> KinesightError:
    """Returns the error itself, or an UnexpectedError with the type and text of one that is not a KinesightError."""
    if isinstance(error, KinesightError):
        return error
    unexpected = UnexpectedError(f"{type(error).__name__}: {error}")
    unexpected.__cause__ = error
    return unexpected


def run_safely(action: Callable[[], object]) -> KinesightError | None:
    """Runs an action whose failure must not stop its neighbours; returns its classified error, or None."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 - an unexpected error fails this item only, not the batch
        return classified(error)
    return None
