"""Dead letters on SQS, read without losing any: a letter is held back from others while it is looked at, and is there
again when it is given back, or by itself after ten minutes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from kinesight.domain.model import from_epoch_ms

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

ATTEMPTS_EXHAUSTED = "AttemptsExhausted"
"""The reason of what a queue, or Lambda, gave up after its last attempt: nobody else has told one."""

_HELD_S = 600
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Letter:
    """`reason` is a class of `domain.errors`, or ATTEMPTS_EXHAUSTED; `receipt` is its place's own."""

    message_id: str
    receipt: str
    body: str
    reason: str
    explanation: str = ""
    source: str = ""
    sent: datetime | None = None

    def document(self) -> dict[str, Any]:
        """The body, if it is a JSON object; else nothing."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class LetterBox(Protocol):
    """A place where dead letters lie."""

    def collect(self, most: int) -> list[Letter]:
        """At most so many, held back from others until they are released or deleted."""

    def delete(self, letter: Letter) -> None:
        """For good."""

    def release(self, letters: Iterable[Letter]) -> None:
        """They can be collected again at once."""


class DeadLetterQueue:
    """A LetterBox on SQS."""

    def __init__(self, client: SQSClient, url: str, *, held_s: int = _HELD_S) -> None:
        """`held_s`: how long collected letters are held back, unless they are released before."""
        self._client = client
        self._url = url
        self._held_s = held_s

    def collect(self, most: int) -> list[Letter]:
        """Until the queue is empty; a wait of a second asks all of SQS's servers ("Amazon SQS short and long polling",
        SQS guide)."""
        found: dict[str, Letter] = {}
        while len(found) < most:
            messages = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(_BATCH, most - len(found)),
                MessageAttributeNames=["All"],
                AttributeNames=["SentTimestamp"],
                VisibilityTimeout=self._held_s,
                WaitTimeSeconds=1,
            ).get("Messages", [])
            if not messages:
                break
            found |= {one["MessageId"]: _letter(one) for one in messages}
        return list(found.values())

    def delete(self, letter: Letter) -> None:
        """One call."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)

    def release(self, letters: Iterable[Letter]) -> None:
        """Ten in a call."""
        waiting = list(letters)
        for start in range(0, len(waiting), _BATCH):
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0}
                    for number, one in enumerate(waiting[start : start + _BATCH])
                ],
            )


def _letter(message: MessageTypeDef) -> Letter:
    told: Mapping[str, Any] = message.get("MessageAttributes", {})
    text = {name: str(value.get("StringValue", "")) for name, value in told.items()}
    return Letter(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        reason=text.get("errorType", ATTEMPTS_EXHAUSTED),
        explanation=text.get("errorMessage", ""),
        source=text.get("source", ""),
        sent=from_epoch_ms(int(message["Attributes"]["SentTimestamp"])),
    )
