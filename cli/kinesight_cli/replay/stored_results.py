"""Reads the results that a stack still has: those in the results stream, or in the evidence bucket."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.model import ResultRecord
from pydantic import ValidationError

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.results_stream import records_between
from kinesight_cli.shared.stack_lookup import output

_MAXIMUM_DELAY = timedelta(hours=1)
"""From the timestamp of an image to the arrival of its record; records are read by arrival time."""


class ResultsError(CommandError):
    """The results cannot be read."""


def of_stream(stack: str, begin: datetime, end: datetime) -> Iterator[ResultRecord]:
    """Yields the results of all images in the range, matched or not. Raises ResultsError and StackError."""
    client, name = aws_session.client("kinesis"), output(stack, "ResultsStreamName")
    try:
        for found in records_between(client, name, begin, end + _MAXIMUM_DELAY):
            yield from _in_range(found.data, begin, end)
    except (BotoCoreError, ClientError) as error:
        raise ResultsError(f"cannot read the results stream {name}: {aws_session.problem(error)}") from error


def of_evidence(stack: str, begin: datetime, end: datetime) -> Iterator[ResultRecord]:
    """Yields the results in the range that are in the evidence bucket: matched ones, and with keep.records ALL the
    others. Raises ResultsError and StackError."""
    client, bucket = aws_session.client("s3"), output(stack, "EvidenceBucketName")
    days = {f"/date={day:%Y-%m-%d}/" for day in _days(begin, end)}
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="results/"):
            for found in page.get("Contents", []):
                if any(day in found["Key"] for day in days):
                    body = client.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                    yield from _in_range(body, begin, end)
    except (BotoCoreError, ClientError) as error:
        raise ResultsError(f"cannot read the evidence bucket {bucket}: {aws_session.problem(error)}") from error


def _in_range(data: bytes, begin: datetime, end: datetime) -> Iterator[ResultRecord]:
    """Yields the record if its image is in the range. Skips malformed records: they are also in a dead-letter queue."""
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
