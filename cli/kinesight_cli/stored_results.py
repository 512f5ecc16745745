"""The results that a deployed stack still has: all of the results stream's 48 hours, or the matched ones in the
evidence bucket."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.model import ResultRecord
from pydantic import ValidationError

from kinesight_cli.stacks import output

_CLIENT = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
_LONGEST_WAY = timedelta(hours=1)
"""From a picture's moment to its record; records are found by when they came."""


class ResultsError(Exception):
    """The results can't be read; the message says what to do."""


def of_stream(stack: str, begin: datetime, end: datetime) -> Iterator[ResultRecord]:
    """Every picture's, matched or not, of moments in the range. Raises ResultsError and StackError."""
    client, name = boto3.client("kinesis", config=_CLIENT), output(stack, "ResultsStreamName")
    try:
        for page in client.get_paginator("list_shards").paginate(StreamName=name):
            for shard in page["Shards"]:
                yield from _of_shard(client, name, shard["ShardId"], begin, end)
    except (BotoCoreError, ClientError) as error:
        raise ResultsError(f"the results stream {name} can't be read: {error}") from error


def of_evidence(stack: str, begin: datetime, end: datetime) -> Iterator[ResultRecord]:
    """The matched ones, for as long as evidence is kept. Raises ResultsError and StackError."""
    client, bucket = boto3.client("s3", config=_CLIENT), output(stack, "EvidenceBucketName")
    days = {f"/date={day:%Y-%m-%d}/" for day in _days(begin, end)}
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="results/"):
            for found in page.get("Contents", []):
                if any(day in found["Key"] for day in days):
                    body = client.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                    yield from _in_range(body, begin, end)
    except (BotoCoreError, ClientError) as error:
        raise ResultsError(f"the evidence bucket {bucket} can't be read: {error}") from error


def _of_shard(client: Any, name: str, shard_id: str, begin: datetime, end: datetime) -> Iterator[ResultRecord]:
    iterator = client.get_shard_iterator(
        StreamName=name, ShardId=shard_id, ShardIteratorType="AT_TIMESTAMP", Timestamp=begin
    )["ShardIterator"]
    while iterator is not None:
        answer = client.get_records(ShardIterator=iterator, Limit=1000)
        for record in answer["Records"]:
            yield from _in_range(record["Data"], begin, end)
        came = [record["ApproximateArrivalTimestamp"] for record in answer["Records"]]
        over = bool(came) and max(came).astimezone(UTC) > end + _LONGEST_WAY
        at_tip = not came and answer.get("MillisBehindLatest", 0) == 0
        iterator = None if over or at_tip else answer.get("NextShardIterator")


def _in_range(data: bytes, begin: datetime, end: datetime) -> Iterator[ResultRecord]:
    """What is no record of ours lies in a dead-letter queue, too."""
    try:
        record = ResultRecord.model_validate_json(data)
    except ValidationError:
        return
    if begin <= record.frame.image_timestamp < end:
        yield record


def _days(begin: datetime, end: datetime) -> Iterator[datetime]:
    day = begin.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield day
        day += timedelta(days=1)
