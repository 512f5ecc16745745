"""Reads messages of dead-letter queues without losing any.

A received message is invisible to other consumers until it is released or deleted, or for ten minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from kinesight.domain.json_text import parse_json
from kinesight.domain.model import from_epoch_ms

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

ATTEMPTS_EXHAUSTED = "AttemptsExhausted"
"""Reason of messages that a queue or Lambda moved after the last attempt: they carry no reason of their own."""

_VISIBILITY_TIMEOUT_S = 600
_BATCH = 10


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`reason` is a class of `domain.errors`, or ATTEMPTS_EXHAUSTED. `receipt` identifies it to its source."""

    message_id: str
    receipt: str
    body: str
    reason: str
    explanation: str = ""
    source: str = ""
    sent: datetime | None = None

    def document(self) -> dict[str, Any]:
        """Returns the body if it is a JSON object, else an empty one."""
        try:
            found = parse_json(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class DeadLetterSource(Protocol):
    """A dead-letter queue, or anything else that lists failed work."""

    def collect(self, most: int) -> list[DeadLetter]:
        """Returns up to `most` messages; others do not receive them until they are released."""

    def delete(self, message: DeadLetter) -> None:
        """Deletes the message."""

    def release(self, messages: Iterable[DeadLetter]) -> None:
        """Makes the messages available to others at once."""


class DeadLetterQueue:
    """A DeadLetterSource on SQS."""

    def __init__(self, client: SQSClient, url: str, *, visibility_timeout_s: int = _VISIBILITY_TIMEOUT_S) -> None:
        """`visibility_timeout_s`: how long collected messages stay invisible unless they are released before."""
        self._client = client
        self._url = url
        self._visibility_timeout_s = visibility_timeout_s

    def collect(self, most: int) -> list[DeadLetter]:
        """Receives until the queue is empty. Long polling queries all of SQS's servers (SQS Developer Guide, "Amazon
        SQS short and long polling")."""
        found: dict[str, DeadLetter] = {}
        while len(found) < most:
            messages = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(_BATCH, most - len(found)),
                MessageAttributeNames=["All"],
                AttributeNames=["SentTimestamp"],
                VisibilityTimeout=self._visibility_timeout_s,
                WaitTimeSeconds=1,
            ).get("Messages", [])
            if not messages:
                break
            found |= {one["MessageId"]: _dead_letter(one) for one in messages}
        return list(found.values())

    def delete(self, message: DeadLetter) -> None:
        """Deletes the message with one call."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def release(self, messages: Iterable[DeadLetter]) -> None:
        """Makes ten messages visible per call."""
        collected = list(messages)
        for start in range(0, len(collected), _BATCH):
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0}
                    for number, one in enumerate(collected[start : start + _BATCH])
                ],
            )


def _dead_letter(message: MessageTypeDef) -> DeadLetter:
    attributes: Mapping[str, Any] = message.get("MessageAttributes", {})
    text = {name: str(value.get("StringValue", "")) for name, value in attributes.items()}
    return DeadLetter(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        reason=text.get("errorType", ATTEMPTS_EXHAUSTED),
        explanation=text.get("errorMessage", ""),
        source=text.get("source", ""),
        sent=from_epoch_ms(int(message["Attributes"]["SentTimestamp"])),
    )
