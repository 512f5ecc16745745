"""Kinesis event sources: in order per shard; a failure is retried from the lowest failed record, bisected on an error,
and sent to the on-failure destination after the last attempt or once it is too old.

The rules are those of "Retain discarded batch records for a Kinesis Data Streams event source" in the Lambda Developer
Guide. Not supported: filters, tumbling windows, parallelization; shards are those at the start.
"""

import base64
import json
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kinesight_local.event_sources.poller import IDLE_S, Document, Invoke, Switch, failed_ids
from kinesight_local.lambdas import InvocationResult

log = logging.getLogger(__name__)

type Newest = Callable[[], object]
"""Returns the newest record of a shard, in any form that differs between two of them."""

_RETRY_S = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A Kinesis event source. `retries` and `oldest_s` are None if unlimited."""

    stream_name: str
    stream_arn: str
    function_arn: str
    region: str
    batch_size: int = 100
    window_s: float = 0
    retries: int | None = None
    oldest_s: int | None = None
    bisects: bool = False
    reports_failures: bool = False
    failure_arn: str | None = None
    """The queue or topic that is its on-failure destination."""
    starts_at: str = "TRIM_HORIZON"
    starts_at_time: Any = None


class ShardReader:
    """Reads one shard in batches."""

    def __init__(
        self,
        source: Callable[[], StreamSource],
        shard_id: str,
        client: Callable[[str], Any],
        invoke: Invoke,
        switch: Switch,
        newest: Newest = object,
    ) -> None:
        """`source` returns the current settings. Without `newest`, every poll reads: no two objects are equal."""
        self.shard_id = shard_id
        self._newest = newest
        self._read_to: object = None
        self._source_now = source
        self._source = source()
        self._client = client
        self._invoke = invoke
        self._switch = switch
        at = {"Timestamp": self._source.starts_at_time} if self._source.starts_at == "AT_TIMESTAMP" else {}
        self._iterator: str | None = client("kinesis").get_shard_iterator(
            StreamName=self._source.stream_name, ShardId=shard_id, ShardIteratorType=self._source.starts_at, **at
        )["ShardIterator"]

    def poll(self) -> bool:
        """Handles one batch completely; False if the shard had no new records. Raises EndedError."""
        self._source = self._source_now()
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
                self._switch.wait(IDLE_S)
        self.process(batch)
        return True

    def _read(self, most: int) -> list[Document]:
        if self._iterator is None:  # the shard is closed
            return []
        response = self._client("kinesis").get_records(ShardIterator=self._iterator, Limit=most)
        self._iterator = response.get("NextShardIterator")
        records: list[Document] = response["Records"]
        return records

    def process(self, batch: Sequence[Document], attempt: int = 0) -> None:
        """Returns once every record has succeeded or was given up. Raises EndedError."""
        result: InvocationResult | None = None
        while batch := self._without_expired(batch, attempt, result):
            result = self._invoke({"Records": [self._record(record) for record in batch]})
            numbers = [record["SequenceNumber"] for record in batch]
            failed = failed_ids(result, self._source.reports_failures, set(numbers))
            if not failed:
                return
            first = min(index for index, number in enumerate(numbers) if number in failed)
            if first > 0:
                attempt = 0  # progress: the checkpoint moves, and the attempts of the rest are counted from zero
            batch = batch[first:]
            if result.failed and self._source.bisects and len(batch) > 1:
                middle = len(batch) // 2
                self._switch.wait(_RETRY_S[0])
                self.process(batch[:middle], attempt)  # splitting does not consume the retry quota
                self.process(batch[middle:], attempt)
                return
            attempt += 1
            if self._source.retries is not None and attempt > self._source.retries:
                self._give_up(batch, "RetryAttemptsExhausted", attempt, result)
                return
            self._switch.wait(_RETRY_S[min(attempt, len(_RETRY_S)) - 1])

    def _without_expired(
        self, batch: Sequence[Document], attempt: int, result: InvocationResult | None
    ) -> Sequence[Document]:
        """Gives up the records that are too old; they are the first ones."""
        if self._source.oldest_s is None:
            return batch
        now = datetime.now(UTC)
        ages_s = [(now - record["ApproximateArrivalTimestamp"]).total_seconds() for record in batch]
        expired = sum(age_s > self._source.oldest_s for age_s in ages_s)
        if expired:
            self._give_up(batch[:expired], "RecordAgeExceeded", attempt, result)
        return batch[expired:]

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

    def _give_up(
        self, batch: Sequence[Document], condition: str, attempts: int, result: InvocationResult | None
    ) -> None:
        log.error("%s: gave up on %d records of %s", self._source.function_arn, len(batch), self.shard_id)
        if self._source.failure_arn is None:
            return
        arrivals = [record["ApproximateArrivalTimestamp"].astimezone(UTC).isoformat() for record in batch]
        document = {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self._source.function_arn,
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "responseContext": _response_context(result),
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
        send(self._client, self._source.failure_arn, json.dumps(document))


def _response_context(result: InvocationResult | None) -> Document | None:
    if result is None:
        return None
    error = {"functionError": "Unhandled"} if result.failed else {}
    return {"statusCode": 200, "executedVersion": "$LATEST", **error}


def send(client: Callable[[str], Any], destination_arn: str, text: str) -> None:
    """Sends a message to a queue or topic."""
    if destination_arn.split(":")[2] == "sns":
        client("sns").publish(TopicArn=destination_arn, Message=text)
        return
    sqs = client("sqs")
    sqs.send_message(QueueUrl=queue_url(sqs, destination_arn), MessageBody=text)


def queue_url(sqs: Any, arn: str) -> str:
    """A queue's URL. Raises ClientError if there is none."""
    return str(sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])
