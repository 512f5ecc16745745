"""SQS event sources: partial batch responses; failed messages become visible again after the visibility timeout.

A batching window begins with the first message. Not supported: batches of more than ten messages, a maximum
concurrency.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kinesight_local.event_sources.poller import IDLE_S, Document, Invoke, failed_ids


@dataclass(frozen=True, slots=True)
class QueueSource:
    """An SQS event source."""

    queue_url: str
    queue_arn: str
    region: str
    batch_size: int
    reports_failures: bool
    window_s: float = 0

    def poll(self, client: Any, invoke: Invoke, wait: Callable[[float], None] = time.sleep) -> bool:
        """Handles one batch; False if the queue was empty. `wait`: between receives of a window; what it raises ends
        the poll, and the messages become visible again."""
        most = min(10, self.batch_size)
        messages = self._receive(client, most)
        if not messages:
            return False
        deadline_s = time.monotonic() + self.window_s
        while len(messages) < most and time.monotonic() < deadline_s:
            wait(IDLE_S)
            messages += self._receive(client, most - len(messages))
        result = invoke({"Records": [self._record(message) for message in messages]})
        failed = failed_ids(result, self.reports_failures, {m["MessageId"] for m in messages})
        done = [message for message in messages if message["MessageId"] not in failed]
        if done:
            client.delete_message_batch(
                QueueUrl=self.queue_url,
                Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(done)],
            )
        return True

    def _receive(self, client: Any, most: int) -> list[Document]:
        found: list[Document] = client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=most,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        return found

    def _record(self, message: Document) -> Document:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {
                    "stringValue": value.get("StringValue"),
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": value["DataType"],
                }
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.queue_arn,
            "awsRegion": self.region,
        }
