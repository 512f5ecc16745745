"""Reads a range of the results stream and invokes a function with it, as Lambda's event source does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient

_MOST_RECORDS = 100
"""BatchSize of the event sources in the template."""
_MOST_BYTES = 3_500_000
"""An invocation accepts 6 MB (Lambda quotas), and base64 makes four bytes of three."""
_PAGE = 1000


class InvocationError(Exception):
    """The function failed, or reported records to retry. Its log has the reason."""


@dataclass(frozen=True, slots=True)
class RangeRecord:
    """A record of the results stream. `arrived_epoch_s`: when Kinesis received it."""

    sequence_number: str
    data: bytes
    partition_key: str
    arrived_epoch_s: float
    shard_id: str

    @classmethod
    def alone(cls, sequence_number: str, data: bytes) -> RangeRecord:
        """A record of which only the data was kept."""
        return cls(sequence_number, data, "", 0.0, "redriven")


def read(client: KinesisClient, stream_name: str, shard_id: str, first: str, last: str) -> Iterator[RangeRecord]:
    """Yields the records from `first` to `last`, both included, that the stream still has."""
    iterator: str | None = client.get_shard_iterator(
        StreamName=stream_name,
        ShardId=shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=first,
    )["ShardIterator"]
    while iterator is not None:
        response = client.get_records(ShardIterator=iterator, Limit=_PAGE)
        for record in response["Records"]:
            if int(record["SequenceNumber"]) > int(last):
                return
            yield RangeRecord(
                record["SequenceNumber"],
                record["Data"],
                record["PartitionKey"],
                record["ApproximateArrivalTimestamp"].timestamp(),
                shard_id,
            )
            if record["SequenceNumber"] == last:
                return
        at_live_edge = not response["Records"] and response.get("MillisBehindLatest", 0) == 0
        iterator = None if at_live_edge else response.get("NextShardIterator")


def invoke(client: LambdaClient, function: str, records: Sequence[RangeRecord]) -> None:
    """Invokes the function in batches within Lambda's limits. Raises InvocationError."""
    for batch in _batches(records):
        invoke_with(client, function, {"Records": [_event(one) for one in batch]})


def invoke_with(client: LambdaClient, function: str, event: Mapping[str, Any]) -> None:
    """Invokes the function with one event. Raises InvocationError."""
    response = client.invoke(FunctionName=function, Payload=json.dumps(event))
    document: Any = json.loads(response["Payload"].read() or b"null")
    if response.get("FunctionError"):
        raise InvocationError(f"{function} failed: {(document or {}).get('errorType', 'no reason given')}")
    if document and document.get("batchItemFailures"):
        raise InvocationError(f"{function} reported records to retry; its log has the reason")


def _event(record: RangeRecord) -> dict[str, Any]:
    """Returns the event's fields about the record ("Using AWS Lambda with Kinesis", Lambda guide); consumers of users
    may read any of them."""
    return {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{record.shard_id}:{record.sequence_number}",
        "eventName": "aws:kinesis:record",
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": record.sequence_number,
            "data": base64.b64encode(record.data).decode(),
            "approximateArrivalTimestamp": record.arrived_epoch_s,
        },
    }


def _batches(records: Sequence[RangeRecord]) -> Iterator[list[RangeRecord]]:
    batch: list[RangeRecord] = []
    size = 0
    for record in records:
        if batch and (len(batch) == _MOST_RECORDS or size + len(record.data) > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.data)
    if batch:
        yield batch
