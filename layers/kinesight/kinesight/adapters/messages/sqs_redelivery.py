"""RedeliveryDelays on SQS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import batched
from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.domain.errors import DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef

_ENTRIES = 10
"""Of one call (API_ChangeMessageVisibilityBatch)."""


class SqsRedelivery:
    """One queue. A message that Lambda keeps in the queue is visible again after its own timeout."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def delay(self, seconds: Mapping[str, int]) -> None:
        """Calls ChangeMessageVisibilityBatch for ten messages at a time."""
        failed = [
            one for entries in batched(_entries(seconds), _ENTRIES, strict=False) for one in self._failed(entries)
        ]
        if failed:
            raise DeliveryError(f"{len(failed)} messages keep the queue's visibility timeout: {failed[0]}")

    def _failed(self, entries: tuple[ChangeMessageVisibilityBatchRequestEntryTypeDef, ...]) -> list[str]:
        try:
            response = self._client.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
        except AWS_ERRORS as error:
            raise translate(
                error, "change the visibility of messages", transient=DeliveryError, permanent=DeliveryError
            ) from error
        return [one["Code"] for one in response.get("Failed", [])]


def _entries(seconds: Mapping[str, int]) -> Iterator[ChangeMessageVisibilityBatchRequestEntryTypeDef]:
    for index, (handle, delay_s) in enumerate(seconds.items()):
        yield {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": delay_s}
