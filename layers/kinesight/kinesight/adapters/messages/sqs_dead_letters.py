"""DeadLetters on SQS: the original message with the error in its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.domain.errors import DeliveryError, KinesightError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BODY_BYTES = 250_000  # message and attributes share 256 KiB in Regions without the higher limit
_REASON_CHARACTERS = 1000


class SqsDeadLetters:
    """One queue; attributes errorType, errorMessage and source."""

    def __init__(self, client: SQSClient, queue_url: str, *, source: str) -> None:
        """`source` is the name of the function."""
        self._client = client
        self._queue_url = queue_url
        self._source = source

    def send_to_dead_letters(self, body: str, error: KinesightError) -> None:
        """Calls SendMessage. Truncates a body beyond the queue's limit and escapes characters that SQS rejects."""
        try:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=_sendable(body, _BODY_BYTES) or '""',
                MessageAttributes={
                    "errorType": {"DataType": "String", "StringValue": type(error).__name__},
                    "errorMessage": {
                        "DataType": "String",
                        "StringValue": _sendable(str(error), _REASON_CHARACTERS) or "-",
                    },
                    "source": {"DataType": "String", "StringValue": self._source},
                },
            )
        except AWS_ERRORS as failure:
            raise translate(
                failure, "send to the dead-letter queue", transient=DeliveryError, permanent=DeliveryError
            ) from failure


def _sendable(text: str, maximum_bytes: int) -> str:
    """Escapes what SQS rejects: control characters other than tab and line ends (API_SendMessage)."""
    escaped = "".join(
        c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else f"\\x{ord(c):02x}" for c in text
    )
    return escaped.encode(errors="backslashreplace")[:maximum_bytes].decode(errors="ignore")
