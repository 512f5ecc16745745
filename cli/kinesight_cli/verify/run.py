"""One run: what has been sent and what the stack has made of it so far. Steps read and change it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kinesight.domain.json_text import parse_json
from kinesight.domain.model import ResultRecord
from kinesight.domain.sessions.clip import SessionClip
from pydantic import ValidationError

from kinesight_cli.shared.analysis_workflow import Execution
from kinesight_cli.shared.put_media import Sent
from kinesight_cli.shared.video_file import SourceVideo
from kinesight_cli.verify.deployment import Deployment

SCHEDULED = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"})


class StepFailedError(Exception):
    """A step cannot succeed any more; the message is the cause. `next_step` may be empty."""

    def __init__(self, cause: str, next_step: str = "") -> None:
        super().__init__(cause)
        self.next_step = next_step


class NotTestedError(Exception):
    """A step cannot be tested with this video; the message says why. `next_step` says how it can."""

    def __init__(self, why: str, next_step: str) -> None:
        super().__init__(why)
        self.next_step = next_step


@dataclass(slots=True)
class Run:
    """`queue_url` and `queue_arn`: the temporary queue. `realtime`: whether the video is sent as a camera sends it.

    `alerts` and `notifications` are the messages of the queue. `sent_at` is when the last fragment was acknowledged.
    """

    deployment: Deployment
    video: SourceVideo
    realtime: bool
    queue_url: str = ""
    queue_arn: str = ""
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    configured_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    sent: Sent = field(default_factory=Sent)
    sent_at: datetime | None = None
    records: list[ResultRecord] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    session: dict[str, Any] = field(default_factory=dict)
    clip: SessionClip | None = None
    execution: Execution | None = None
    _iterators: dict[str, str] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        return self.deployment.stream.name

    def client(self, service: str) -> Any:
        return self.deployment.clients(service)

    def invoke(self, function: str, payload: str) -> Any:
        """Returns the response of a function by its logical id. Raises StepFailedError if it fails."""
        self.deployment.id_of(function)
        response = self.client("lambda").invoke(
            FunctionName=self.deployment.resources.function(function), Payload=payload
        )
        body = response["Payload"].read()
        if "FunctionError" in response:
            raise StepFailedError(f"{function} failed: {_error_of(body)}", f"read the log of {function}")
        return json.loads(body or b"null")

    def image_keys(self) -> list[str]:
        """Lists the generated images of the stream, whichever way KVS joins the destination and their names."""
        account, bucket = self.deployment.resources.account_id, self.deployment.id_of("ImagesBucket")
        prefixes = (f"images{slashes}{account}_{self.stream}_" for slashes in ("/", "//", ""))
        return [key for prefix in prefixes for key in self.keys(bucket, prefix)]

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Yields the keys of a bucket's objects."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        yield from (one["Key"] for page in pages for one in page.get("Contents", []))

    def read_results(self) -> None:
        """Reads records of the stream that have arrived since the last call."""
        kinesis, name = self.client("kinesis"), self.deployment.results_stream
        if not self._iterators:
            for shard in kinesis.list_shards(StreamName=name)["Shards"]:
                self._iterators[shard["ShardId"]] = kinesis.get_shard_iterator(
                    StreamName=name,
                    ShardId=shard["ShardId"],
                    ShardIteratorType="AT_TIMESTAMP",
                    Timestamp=self.began - timedelta(seconds=1),
                )["ShardIterator"]
        for shard_id, iterator in list(self._iterators.items()):
            response = kinesis.get_records(ShardIterator=iterator)
            self._iterators[shard_id] = response.get("NextShardIterator", iterator)
            own = (one for one in response["Records"] if one["PartitionKey"] == self.stream)
            self.records += [record for one in own if (record := _parsed(one["Data"]))]

    def read_session(self) -> None:
        """Reads the first session of the stream, and its clip."""
        items = self.client("dynamodb").query(
            TableName=self.deployment.id_of("SessionsTable"),
            KeyConditionExpression="#stream = :stream",
            ExpressionAttributeNames={"#stream": "stream"},
            ExpressionAttributeValues={":stream": {"S": self.stream}},
            ConsistentRead=True,
        )["Items"]
        for item in (one for one in items[:1] if "document" in one):
            self.session = json.loads(item["document"]["S"])
            self.clip = SessionClip.stored(item.get("video", {}).get("S"))

    def read_queue(self) -> None:
        """Receives alerts and notifications of the stream."""
        response = self.client("sqs").receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for one in response.get("Messages", []):
            envelope = _document(one["Body"])
            message = _document(envelope.get("Message", ""))
            if message.get("streamName", message.get("inputInformation")) is not None:
                self.alerts.append(message)
            elif f":stream/{self.stream}/" in str(message.get("StreamArn")):
                self.notifications.append(envelope)
            self.client("sqs").delete_message(QueueUrl=self.queue_url, ReceiptHandle=one["ReceiptHandle"])

    def matched(self) -> list[ResultRecord]:
        return [one for one in self.records if one.matched]


def _parsed(data: bytes) -> ResultRecord | None:
    try:
        return ResultRecord.model_validate_json(data)
    except ValidationError:
        return None


def _document(text: str) -> dict[str, Any]:
    try:
        found = parse_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error_of(body: bytes) -> str:
    document = _document(body.decode(errors="replace"))
    return f"{document.get('errorType', 'error')}: {document.get('errorMessage', '')}"[:500]
