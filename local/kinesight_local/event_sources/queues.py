"""SQS event sources: partial batch responses; failed messages become visible again after the visibility timeout.

Not supported: batches of more than ten messages, batching windows, a maximum concurrency.
"""

from dataclasses import dataclass
from typing import Any

from kinesight_local.event_sources.poller import Document, Invoke, failed_ids


@dataclass(frozen=True, slots=True)
class QueueSource:
    """An SQS event source."""

    queue_url: str
    queue_arn: str
    region: str
    batch_size: int
    reports_failures: bool

    def poll(self, client: Any, invoke: Invoke) -> bool:
        """Handles one batch; False if the queue was empty."""
        messages = client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(10, self.batch_size),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return False
        result = invoke({"Records": [self._record(message) for message in messages]})
        failed = failed_ids(result, self.reports_failures, {m["MessageId"] for m in messages})
        done = [message for message in messages if message["MessageId"] not in failed]
        if done:
            client.delete_message_batch(
                QueueUrl=self.queue_url,
                Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(done)],
            )
        return True

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
