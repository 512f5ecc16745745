"""Pollers for event source mappings, with Lambda's semantics, against moto.

SQS: partial batch responses; failed messages become visible again after the visibility timeout. Kinesis: in order per
shard; a failure is retried from the lowest failed record, bisected on an error, and sent to the on-failure queue after
the last attempt. Not supported: filters, tumbling windows, parallelization, starting at a timestamp.
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

from kinesight_local.lambdas import InvocationResult

log = logging.getLogger(__name__)

Invoke = Callable[[Any], InvocationResult]
IsEnabled = Callable[[], bool]
"""Whether the mapping is enabled and its function may run; while it is not, nothing is read from the source."""
Newest = Callable[[], object]
"""Returns the newest record of a shard, in any form that differs between two of them."""
Document = dict[str, Any]

_IDLE_S = 0.1
_SQS_THREADS = 2
_RETRY_S = (0.2, 0.5, 1.0, 2.0)


def _always() -> bool:
    return True


def _while_enabled(step: Callable[[], bool], is_enabled: IsEnabled) -> Callable[[], bool]:
    return lambda: is_enabled() and step()


class Poller:
    """A thread that repeats `step` until `stop`, also after errors of moto."""

    def __init__(self, name: str, step: Callable[[], bool]) -> None:
        """`step` handles one batch and returns whether there was one."""
        self._step = step
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Requests the end of the thread; see `join`."""
        self._stopping.set()

    def join(self) -> None:
        """Waits until the current step has ended, at most 30 seconds."""
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

    def pollers(
        self, client: Any, invoke: Invoke, is_enabled: IsEnabled = _always, has_messages: Callable[[], bool] = _always
    ) -> list[Poller]:
        """Starts the pollers. `has_messages` saves calls for an empty queue."""
        step = _while_enabled(lambda: has_messages() and self.poll(client, invoke), is_enabled)
        return [Poller(f"{self.queue_arn} {n}", step) for n in range(_SQS_THREADS)]

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
        failed = _failed(result, "itemIdentifier", self.reports_failures, {m["MessageId"] for m in messages})
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


def _failed(result: InvocationResult, key: str, reports: bool, ids: set[str]) -> set[str]:
    """The ids that failed: all of them if the function failed or names one that was not in the batch."""
    if result.failed:
        return ids
    document = result.document()
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

    def pollers(
        self,
        kinesis: Any,
        sqs: Any,
        invoke: Invoke,
        is_enabled: IsEnabled = _always,
        newest_of: Callable[[str], Newest] = lambda _shard_id: object,
    ) -> list[Poller]:
        """Starts one poller per shard. `newest_of` a shard id saves calls for a shard without new records."""
        shards = kinesis.describe_stream(StreamName=self.stream_name)["StreamDescription"]["Shards"]
        ids = [shard["ShardId"] for shard in shards]
        readers = [ShardReader(self, one, kinesis, sqs, invoke, newest_of(one)) for one in ids]
        return [Poller(f"{self.stream_arn} {one.shard_id}", _while_enabled(one.poll, is_enabled)) for one in readers]


class ShardReader:
    """Reads one shard in batches."""

    def __init__(
        self, source: StreamSource, shard_id: str, kinesis: Any, sqs: Any, invoke: Invoke, newest: Newest = object
    ) -> None:
        """Without `newest`, every poll reads: no two objects are equal."""
        self.shard_id = shard_id
        self._newest = newest
        self._read_to: object = None
        self._source = source
        self._kinesis = kinesis
        self._sqs = sqs
        self._invoke = invoke
        kind = "LATEST" if source.from_latest else "TRIM_HORIZON"
        self._iterator = kinesis.get_shard_iterator(
            StreamName=source.stream_name, ShardId=shard_id, ShardIteratorType=kind
        )["ShardIterator"]

    def poll(self) -> bool:
        """Handles one batch completely; False if the shard had no new records."""
        newest = self._newest()
        if newest is not None and newest == self._read_to:
            return False
        batch = self._read(self._source.batch_size)
        if not batch:
            self._read_to = newest
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
        response = self._kinesis.get_records(ShardIterator=self._iterator, Limit=most)
        self._iterator = response["NextShardIterator"]
        records: list[Document] = response["Records"]
        return records

    def process(self, batch: Sequence[Document], attempt: int = 0) -> None:
        """Returns once every record has succeeded or was given up."""
        while batch:
            result = self._invoke({"Records": [self._record(record) for record in batch]})
            numbers = [record["SequenceNumber"] for record in batch]
            failed = _failed(result, "itemIdentifier", self._source.reports_failures, set(numbers))
            if not failed:
                return
            first = min(index for index, number in enumerate(numbers) if number in failed)
            if first > 0:
                attempt = 0  # progress: the checkpoint moves, and the attempts of the rest are counted from zero
            batch = batch[first:]
            attempt += 1
            if attempt > self._source.retries:
                self._give_up(batch, result)
                return
            if result.failed and self._source.bisects and len(batch) > 1:
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

    def _give_up(self, batch: Sequence[Document], result: InvocationResult) -> None:
        log.error("%s: gave up on %d records of %s", self._source.function_arn, len(batch), self.shard_id)
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
                "functionError": "Unhandled" if result.failed else None,
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
