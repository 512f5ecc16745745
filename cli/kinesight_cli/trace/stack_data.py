"""Reads what a deployed stack has about a frame, service by service."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from kinesight.domain.analysis.pipeline import LEDGER
from kinesight.domain.analysis.result_records import EvidenceKeys
from kinesight.domain.json_text import parse_json
from kinesight.domain.model import ResultRecord, from_epoch_ms
from kinesight.domain.streams.image_destination import possible_keys
from pydantic import ValidationError

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.dead_letter_routes import QUEUES
from kinesight_cli.shared.dead_letters import DeadLetter, DeadLetterQueue
from kinesight_cli.shared.results_stream import records_between
from kinesight_cli.shared.stack_lookup import Resources
from kinesight_cli.trace.frame_trace import FrameIds, Step

_MOST_IMAGES = 200
_MOST_DEAD_LETTERS = 1000
_VISIBILITY_TIMEOUT_S = 60
_TOLERANCE = timedelta(minutes=10)
"""Between the log line `analyzed`, which is written after the record was put, and the arrival of the record."""
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "ResourceNotFoundException", "ExecutionDoesNotExist"})


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record of the results stream and its position."""

    record: ResultRecord
    at: datetime
    shard_id: str
    sequence_number: int


class StackData:
    """Data of a deployed stack about frames. Every method may raise botocore's errors."""

    def __init__(self, stack: Resources) -> None:
        self._stack = stack
        self._s3: Any = self._client("s3")
        self._sqs: Any = self._client("sqs")

    def recorded(self, stream_name: str, fragment_number: str) -> Step | None:
        """Returns the fragment in KVS. Its number contains the server timestamp to search, which AWS does not
        document: a fragment that is not found there may still exist."""
        at = from_epoch_ms((int(fragment_number) >> 28) & (2**43 - 1))
        try:
            fragments = self._fragments(stream_name, at - timedelta(seconds=2), at + timedelta(seconds=2))
            found = next((one for one in fragments if one["FragmentNumber"] == fragment_number), None)
        except ClientError as error:
            if _code(error) not in _ABSENT:
                raise
            return None
        return None if found is None else _fragment_step(found)

    def _fragments(self, stream_name: str, begin: datetime, end: datetime) -> Iterator[Any]:
        endpoint = self._client("kinesisvideo").get_data_endpoint(StreamName=stream_name, APIName="LIST_FRAGMENTS")
        archive: Any = aws_session.client("kinesis-video-archived-media", endpoint_url=endpoint["DataEndpoint"])
        window = {"StartTimestamp": begin, "EndTimestamp": end}
        pages = archive.get_paginator("list_fragments").paginate(
            StreamName=stream_name,
            FragmentSelector={"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": window},
        )
        for page in pages:
            yield from page["Fragments"]

    def images_of(self, stream_name: str, fragment_number: str, recorded: Step) -> Iterator[FrameIds]:
        """Yields the images of a fragment, by their metadata. Images whose key has a prefix of the producer cannot be
        found."""
        begin, length_ms = recorded.facts["producerTimestamp"], recorded.facts["lengthMs"]
        for start in {begin, recorded.at or begin}:
            first, last = (
                str(round(one.timestamp() * 1000)) for one in (start, start + timedelta(milliseconds=length_ms))
            )
            name = f"{self._stack.account_id}_{stream_name}_{_common_prefix(first, last)}"
            for key in (key for beginning in possible_keys(name) for key in self._image_keys(beginning)):
                frame = FrameIds(stream_name, image_key=key)
                self.image(frame)
                if frame.fragment_number == fragment_number:
                    yield frame

    def _image_keys(self, beginning: str) -> list[str]:
        response = self._s3.list_objects_v2(Bucket=self._images, Prefix=beginning, MaxKeys=_MOST_IMAGES)
        return [one["Key"] for one in response.get("Contents", [])]

    def image(self, frame: FrameIds) -> Step | None:
        """Returns the analyzed object; adds the fragment number in its metadata to `frame`."""
        head = self._head(self._images, str(frame.image_key))
        if head is None:
            return None
        metadata = {name.lower(): value for name, value in head["Metadata"].items()}
        frame.fragment_number = frame.fragment_number or metadata.get("aws_kinesisvideo_fragment_number")
        facts = {"key": frame.image_key, "bytes": head["ContentLength"]}
        return Step(head["LastModified"].astimezone(UTC), "images bucket", "image", facts)

    def evidence(self, keys: EvidenceKeys) -> dict[str, Step]:
        """Returns the evidence objects that exist, by kind: record, annotated, fragment."""
        all_keys = {"record": keys.result, "annotated": keys.annotated, "fragment": keys.archive}
        heads = {kind: self._head(self._evidence, key) for kind, key in all_keys.items() if key is not None}
        return {
            kind: Step(head["LastModified"].astimezone(UTC), "evidence bucket", kind, {"key": all_keys[kind]})
            for kind, head in heads.items()
            if head is not None
        }

    def ledger(self, result_id: str) -> Step | None:
        """Returns the idempotency record of the frame, in the layout of Powertools."""
        digest = hashlib.md5(json.dumps({"key": result_id}).encode(), usedforsecurity=False).hexdigest()
        response = self._client("dynamodb").get_item(
            TableName=self._stack.ids["IdempotencyTable"], Key={"id": {"S": f"{LEDGER}#{digest}"}}, ConsistentRead=True
        )
        if "Item" not in response:
            return None
        status = response["Item"]["status"]["S"]
        expires = datetime.fromtimestamp(int(response["Item"]["expiration"]["N"]), UTC)
        return Step(None, "ledger", status.lower(), {"status": status, "expires": expires})

    def result(self, result_id: str, published: datetime) -> FoundRecord | None:
        """Returns the record in the results stream; `published` is about when it was put."""
        name = self._stack.ids["ResultsStream"].rpartition("/")[2]
        client, begin, end = self._client("kinesis"), published - _TOLERANCE, published + _TOLERANCE
        for found in records_between(client, name, begin, end):
            if result_id.encode() in found.data and (record := _parsed(found.data, result_id)):
                return FoundRecord(record, found.arrived, found.shard_id, int(found.sequence_number))
        return None

    def session(self, stream_name: str, *, at_ms: int | None = None, session_id: str | None = None) -> Step | None:
        """Returns the session with this id, or the one that is active at this time."""
        pages = (
            self._client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self._stack.ids["SessionsTable"],
                KeyConditionExpression="#stream = :stream",
                ExpressionAttributeNames={"#stream": "stream"},
                ExpressionAttributeValues={":stream": {"S": stream_name}},
                ScanIndexForward=False,
            )
        )
        for item in (item for page in pages for item in page["Items"] if "document" in item):
            document = parse_json(item["document"]["S"])
            if document["sessionId"] == session_id or (at_ms is not None and _is_active(document, at_ms)):
                return _session_step(document)
        return None

    def execution(self, name: str) -> Step | None:
        """Returns an execution of the on-demand workflow."""
        arn = self._stack.ids["AnalyzeRange"].replace(":stateMachine:", ":execution:") + f":{name}"
        try:
            found = self._client("stepfunctions").describe_execution(executionArn=arn)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise
        facts = {"status": found["status"], "error": found.get("error"), "cause": found.get("cause")}
        known = {name: value for name, value in facts.items() if value}
        return Step(found["startDate"].astimezone(UTC), "AnalyzeRange", f"execution {name}", known)

    def dead_letters(self) -> list[tuple[str, DeadLetter]]:
        """Returns (queue, message) of every dead-letter queue. Others cannot receive the messages while it reads."""
        routes = [one for one in QUEUES if one.source in self._stack.ids]

        def of_queue(logical_id: str) -> list[DeadLetter]:
            queue = DeadLetterQueue(self._sqs, self._queue(logical_id), visibility_timeout_s=_VISIBILITY_TIMEOUT_S)
            found = queue.collect(_MOST_DEAD_LETTERS)
            queue.release(found)
            return found

        with ThreadPoolExecutor(len(routes)) as pool:
            messages = pool.map(of_queue, [one.source for one in routes])
        return [(route.name, one) for route, found in zip(routes, messages, strict=True) for one in found]

    def images_waiting(self) -> int:
        """Returns the number of messages in the images queue, including those in flight."""
        names: Sequence[Any] = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        response = self._sqs.get_queue_attributes(QueueUrl=self._queue("ImagesQueue"), AttributeNames=names)
        return sum(int(response["Attributes"][name]) for name in names)

    @property
    def _images(self) -> str:
        return self._stack.ids["ImagesBucket"]

    @property
    def _evidence(self) -> str:
        return self._stack.ids["EvidenceBucket"]

    def _queue(self, logical_id: str) -> str:
        return str(self._sqs.get_queue_url(QueueName=self._stack.ids[logical_id].rpartition("/")[2])["QueueUrl"])

    def _head(self, bucket: str, key: str) -> Any:
        try:
            return self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise

    def _client(self, service: str) -> Any:
        return aws_session.client(service)


def _fragment_step(fragment: Any) -> Step:
    facts = {
        "producerTimestamp": fragment["ProducerTimestamp"].astimezone(UTC),
        "lengthMs": fragment["FragmentLengthInMilliseconds"],
        "bytes": fragment["FragmentSizeInBytes"],
    }
    return Step(fragment["ServerTimestamp"].astimezone(UTC), "Kinesis Video Streams", "recorded", facts)


def _parsed(data: bytes, result_id: str) -> ResultRecord | None:
    try:
        record = ResultRecord.model_validate_json(data)
    except ValidationError:
        return None
    return record if record.result_id == result_id else None


def _is_active(document: Any, at_ms: int) -> bool:
    begin, end = (datetime.fromisoformat(document[name]) for name in ("startedAt", "lastSeenAt"))
    return begin <= from_epoch_ms(at_ms) <= end


def _session_step(document: Any) -> Step:
    best = document["best"]
    facts = {
        "sessionId": document["sessionId"],
        "class": document["class"],
        "startedAt": document["startedAt"],
        "lastSeenAt": document["lastSeenAt"],
        "closed": document["closed"],
        "images": document["images"],
        "bestResultId": best["resultId"],
    }
    return Step(None, "sessions table", f"session {document['sessionId']}", facts)


def _common_prefix(first: str, last: str) -> str:
    """Returns the common prefix of two numbers of the same length."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=True))
    return "".join(one for one, _ in same)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
