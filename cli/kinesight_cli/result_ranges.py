"""A range of the results stream, given to a function again as Lambda's event source gives it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient

_MOST_RECORDS = 100
"""As in the template's event sources."""
_MOST_BYTES = 3_500_000
"""Invocations take 6 MB (Lambda quotas), and base64 makes four bytes of three."""
_PAGE = 1000


class FunctionRefusedError(Exception):
    """The function failed, or wants records again; its log says why."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """A record of the results stream."""

    sequence_number: str
    data: bytes


def read(client: KinesisClient, stream_name: str, shard_id: str, first: str, last: str) -> Iterator[Streamed]:
    """What the stream still has of the records from `first` to `last`, both included."""
    iterator: str | None = client.get_shard_iterator(
        StreamName=stream_name,
        ShardId=shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=first,
    )["ShardIterator"]
    while iterator is not None:
        answer = client.get_records(ShardIterator=iterator, Limit=_PAGE)
        for record in answer["Records"]:
            if int(record["SequenceNumber"]) > int(last):
                return
            yield Streamed(record["SequenceNumber"], record["Data"])
            if record["SequenceNumber"] == last:
                return
        at_tip = not answer["Records"] and answer.get("MillisBehindLatest", 0) == 0
        iterator = None if at_tip else answer.get("NextShardIterator")


def invoke(client: LambdaClient, function: str, records: Sequence[Streamed]) -> None:
    """In batches that Lambda takes. Raises FunctionRefusedError."""
    for batch in _batches(records):
        answer = client.invoke(FunctionName=function, Payload=json.dumps({"Records": [_event(one) for one in batch]}))
        document: Any = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            raise FunctionRefusedError(f"{function} failed: {(document or {}).get('errorType', 'no reason given')}")
        if document and document.get("batchItemFailures"):
            raise FunctionRefusedError(f"{function} wants it again later; its log says why")


def _event(record: Streamed) -> dict[str, Any]:
    """What our functions read of a record ("Using AWS Lambda with Kinesis", Lambda guide, has all of it)."""
    return {
        "eventSource": "aws:kinesis",
        "kinesis": {
            "sequenceNumber": record.sequence_number,
            "data": base64.b64encode(record.data).decode(),
        },
    }


def _batches(records: Sequence[Streamed]) -> Iterator[list[Streamed]]:
    batch: list[Streamed] = []
    size = 0
    for record in records:
        if batch and (len(batch) == _MOST_RECORDS or size + len(record.data) > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.data)
    if batch:
        yield batch
