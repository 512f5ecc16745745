"""DelayedMessages on SQS: a delayed message to the function's own queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.domain.errors import DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsDelayedMessages:
    """One queue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_later(self, body: str, delay_s: int) -> None:
        """Calls SendMessage. The maximum delay is 900 s (API_SendMessage)."""
        try:
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay_s)
        except AWS_ERRORS as error:
            raise translate(
                error, "send a delayed message", transient=DeliveryError, permanent=DeliveryError
            ) from error
