"""Reads records of the results stream by arrival time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """A record and its position in the stream."""

    data: bytes
    arrived: datetime
    shard_id: str
    sequence_number: str


def records_between(client: KinesisClient, stream_name: str, begin: datetime, end: datetime) -> Iterator[StreamRecord]:
    """Yields the records of all shards that arrived from `begin` on; a shard ends soon after `end`.

    Raises botocore's errors.
    """
    for page in client.get_paginator("list_shards").paginate(StreamName=stream_name):
        for shard in page["Shards"]:
            yield from _of_shard(client, stream_name, shard["ShardId"], begin, end)


def _of_shard(
    client: KinesisClient, stream_name: str, shard_id: str, begin: datetime, end: datetime
) -> Iterator[StreamRecord]:
    iterator: str | None = client.get_shard_iterator(
        StreamName=stream_name, ShardId=shard_id, ShardIteratorType="AT_TIMESTAMP", Timestamp=begin
    )["ShardIterator"]
    while iterator is not None:
        response = client.get_records(ShardIterator=iterator, Limit=_PAGE)
        found = [
            StreamRecord(
                one["Data"], one["ApproximateArrivalTimestamp"].astimezone(UTC), shard_id, one["SequenceNumber"]
            )
            for one in response["Records"]
        ]
        yield from found
        at_live_edge = not found and response.get("MillisBehindLatest", 0) == 0
        is_over = any(one.arrived > end for one in found)
        iterator = None if at_live_edge or is_over else response.get("NextShardIterator")
