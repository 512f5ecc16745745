"""Event source mappings, with Lambda's rules, polled against moto.

SQS: partial batch responses; what failed comes back by its visibility time-out. Kinesis: in order per shard; a failure
retries from the lowest failed record, bisects on an error, and after the last attempt goes to the on-failure queue.
Not here: filters, tumbling windows, parallelization, starting at a timestamp.
"""

import base64
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_local.lambdas import Answer

log = logging.getLogger(__name__)

Invoke = Callable[[Any], Answer]
IsOn = Callable[[], bool]
"""Whether the mapping is enabled and its function may run; while it is not, what comes stays where it is."""
Document = dict[str, Any]

_IDLE_S = 0.1
_SQS_THREADS = 2
_RETRY_S = (0.2, 0.5, 1.0, 2.0)


def _always() -> bool:
    return True


def _while_on(step: Callable[[], bool], is_on: IsOn) -> Callable[[], bool]:
    return lambda: is_on() and step()


class Poller:
    """A thread that repeats `step` until stopped; what AWS's emulation answers badly is tried again."""

    def __init__(self, name: str, step: Callable[[], bool]) -> None:
        """`step` does a piece of work and tells whether there was any."""
        self._step = step
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self) -> None:
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self._step()
            except (ClientError, BotoCoreError):
                log.exception("%s: polling failed", self._thread.name)
                busy = False
            if not busy:
                self._stopping.wait(_IDLE_S)


@dataclass(frozen=True, slots=True)
class QueueSource:
    """An SQS event source."""

    queue_url: str
    queue_arn: str
    region: str
    batch_size: int
    reports_failures: bool

    def pollers(self, client: Any, invoke: Invoke, is_on: IsOn = _always) -> list[Poller]:
        step = _while_on(lambda: self.poll(client, invoke), is_on)
        return [Poller(f"{self.queue_arn} {n}", step) for n in range(_SQS_THREADS)]

    def poll(self, client: Any, invoke: Invoke) -> bool:
        """One batch; False if the queue was empty."""
        messages = client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(10, self.batch_size),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return False
        answer = invoke({"Records": [self._record(message) for message in messages]})
        failed = _failed(answer, "itemIdentifier", self.reports_failures, {m["MessageId"] for m in messages})
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


def _failed(answer: Answer, key: str, reports: bool, ids: set[str]) -> set[str]:
    """The ids that failed: all of them if the function failed or names one that was not in the batch."""
    if answer.failed:
        return ids
    document = answer.document()
    if not reports or not isinstance(document, dict) or not document.get("batchItemFailures"):
        return set()
    named = {failure.get(key) for failure in document["batchItemFailures"]}
    return named if named <= ids else ids


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A Kinesis event source. `failure_queue_url` is its on-failure destination."""

    stream_name: str
    stream_arn: str
    function_arn: str
    region: str
    batch_size: int
    window_s: float
    retries: int
    bisects: bool
    reports_failures: bool
    failure_queue_url: str | None
    from_latest: bool

    def pollers(self, kinesis: Any, sqs: Any, invoke: Invoke, is_on: IsOn = _always) -> list[Poller]:
        shards = kinesis.describe_stream(StreamName=self.stream_name)["StreamDescription"]["Shards"]
        readers = [ShardReader(self, shard["ShardId"], kinesis, sqs, invoke) for shard in shards]
        return [Poller(f"{self.stream_arn} {one.shard_id}", _while_on(one.poll, is_on)) for one in readers]


class ShardReader:
    """One shard's place and its batches."""

    def __init__(self, source: StreamSource, shard_id: str, kinesis: Any, sqs: Any, invoke: Invoke) -> None:
        self.shard_id = shard_id
        self._source = source
        self._kinesis = kinesis
        self._sqs = sqs
        self._invoke = invoke
        kind = "LATEST" if source.from_latest else "TRIM_HORIZON"
        self._iterator = kinesis.get_shard_iterator(
            StreamName=source.stream_name, ShardId=shard_id, ShardIteratorType=kind
        )["ShardIterator"]

    def poll(self) -> bool:
        """One batch, to its end; False if there was nothing to read."""
        batch = self._read(self._source.batch_size)
        if not batch:
            return False
        deadline_s = time.monotonic() + self._source.window_s
        while len(batch) < self._source.batch_size and time.monotonic() < deadline_s:
            more = self._read(self._source.batch_size - len(batch))
            batch += more
            if not more:
                time.sleep(_IDLE_S)
        self.process(batch)
        return True

    def _read(self, most: int) -> list[Document]:
        answer = self._kinesis.get_records(ShardIterator=self._iterator, Limit=most)
        self._iterator = answer["NextShardIterator"]
        records: list[Document] = answer["Records"]
        return records

    def process(self, batch: Sequence[Document], attempt: int = 0) -> None:
        """Until every record is done with or given up on."""
        while batch:
            answer = self._invoke({"Records": [self._record(record) for record in batch]})
            numbers = [record["SequenceNumber"] for record in batch]
            failed = _failed(answer, "itemIdentifier", self._source.reports_failures, set(numbers))
            if not failed:
                return
            first = min(index for index, number in enumerate(numbers) if number in failed)
            if first > 0:
                attempt = 0  # there was progress: the checkpoint moves, and what is left begins anew
            batch = batch[first:]
            attempt += 1
            if attempt > self._source.retries:
                self._give_up(batch, answer)
                return
            if answer.failed and self._source.bisects and len(batch) > 1:
                middle = len(batch) // 2
                self.process(batch[:middle], attempt)
                self.process(batch[middle:], attempt)
                return
            time.sleep(_RETRY_S[min(attempt, len(_RETRY_S)) - 1])

    def _record(self, record: Document) -> Document:
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": record["SequenceNumber"],
                "data": base64.b64encode(record["Data"]).decode(),
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{self.shard_id}:{record['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/local",
            "awsRegion": self._source.region,
            "eventSourceARN": self._source.stream_arn,
        }

    def _give_up(self, batch: Sequence[Document], answer: Answer) -> None:
        log.error("%s gave up on %d records of %s", self._source.function_arn, len(batch), self.shard_id)
        if self._source.failure_queue_url is None:
            return
        arrivals = [record["ApproximateArrivalTimestamp"].astimezone(UTC).isoformat() for record in batch]
        document = {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self._source.function_arn,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": self._source.retries + 1,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled" if answer.failed else None,
            },
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(),
            "KinesisBatchInfo": {
                "shardId": self.shard_id,
                "startSequenceNumber": batch[0]["SequenceNumber"],
                "endSequenceNumber": batch[-1]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": arrivals[0],
                "approximateArrivalOfLastRecord": arrivals[-1],
                "batchSize": len(batch),
                "streamArn": self._source.stream_arn,
            },
        }
        self._sqs.send_message(QueueUrl=self._source.failure_queue_url, MessageBody=json.dumps(document))
