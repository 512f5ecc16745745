"""Items of the batches that Lambda delivers, and what a batch reports of one that failed."""

from dataclasses import dataclass

from kinesight.domain.errors import KinesightError
from kinesight.domain.model import Frame


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """An SQS message."""

    message_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with one message. `subject`: the picture's key, or the session, where it is known; `frame` and
    `result_id` likewise."""

    message_id: str
    subject: str | None
    error: KinesightError
    frame: Frame | None = None
    result_id: str | None = None


@dataclass(frozen=True, slots=True)
class StreamedRecord:
    """A record of the results stream as Lambda delivers it, its data decoded from base64."""

    sequence_number: str
    data: bytes
