"""Items of the batches that Lambda delivers, and what a batch reports of those that failed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from kinesight.domain.errors import KinesightError, UnexpectedError
from kinesight.domain.model import Frame
from kinesight.domain.ports import DeadLetters

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
    try:
        queue.send_to_dead_letters(body, reason)
    except KinesightError as error:
        return error
    return None


def run_safely(action: Callable[[], None]) -> KinesightError | None:
    """Runs an action whose failure must not stop its neighbours; returns its error, or None if it succeeded.

    An error that is not a KinesightError is returned as an UnexpectedError whose cause it is.
    """
    try:
        action()
    except KinesightError as error:
        return error
    except Exception as error:  # noqa: BLE001 - an unexpected error fails this item only, not the batch
        unexpected = UnexpectedError(f"{type(error).__name__}: {error}")
        unexpected.__cause__ = error
        return unexpected
    return None
