"""Where a frame leaves something: what is there of it, service by service."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from kinesight.domain.analysis.pipeline import LEDGER
from kinesight.domain.analysis.result_records import EvidenceKeys
from kinesight.domain.model import ResultRecord, from_epoch_ms
from pydantic import ValidationError

from kinesight_cli.dead_letter_places import PLACES
from kinesight_cli.dead_letters import DeadLetterQueue, Letter
from kinesight_cli.stacks import Resources
from kinesight_cli.trace_way import FrameFacts, Step

_CLIENT = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
_MOST_PICTURES = 200
_MOST_LETTERS = 1000
_LOOKED_AT_S = 60
_LATE = timedelta(minutes=10)
"""From a log line `analyzed` to the record that it tells of; it is written when the record was put."""
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "ResourceNotFoundException", "ExecutionDoesNotExist"})


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record of the results stream, and where it is."""

    record: ResultRecord
    at: datetime
    shard_id: str
    sequence_number: int


class Sources:
    """A deployed stack, seen from outside. Every method may raise botocore's errors."""

    def __init__(self, stack: Resources) -> None:
        self._stack = stack
        self._s3: Any = self._client("s3")
        self._sqs: Any = self._client("sqs")

    def recorded(self, stream_name: str, fragment_number: str) -> Step | None:
        """The fragment in KVS. It is looked for at the moment in its number, which AWS does not document, so that one
        that is not found there may still exist."""
        at = from_epoch_ms((int(fragment_number) >> 28) & (2**43 - 1))
        window = {"StartTimestamp": at - timedelta(seconds=2), "EndTimestamp": at + timedelta(seconds=2)}
        try:
            endpoint = self._client("kinesisvideo").get_data_endpoint(StreamName=stream_name, APIName="LIST_FRAGMENTS")
            archive: Any = boto3.client(
                "kinesis-video-archived-media", endpoint_url=endpoint["DataEndpoint"], config=_CLIENT
            )
            pages = archive.get_paginator("list_fragments").paginate(
                StreamName=stream_name,
                FragmentSelector={"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": window},
            )
            for one in (fragment for page in pages for fragment in page["Fragments"]):
                if one["FragmentNumber"] == fragment_number:
                    facts = {
                        "producerTimestamp": one["ProducerTimestamp"].astimezone(UTC),
                        "lengthMs": one["FragmentLengthInMilliseconds"],
                        "bytes": one["FragmentSizeInBytes"],
                    }
                    return Step(one["ServerTimestamp"].astimezone(UTC), "Kinesis Video Streams", "recorded", facts)
        except ClientError as error:
            if _code(error) not in _ABSENT:
                raise
        return None

    def pictures_of(self, stream_name: str, fragment_number: str, recorded: Step) -> Iterator[FrameFacts]:
        """Those that KVS wrote of a fragment, by their metadata. Those with a prefix of the producer's have names that
        can't be looked for."""
        begin, length_ms = recorded.facts["producerTimestamp"], recorded.facts["lengthMs"]
        for start in {begin, recorded.at or begin}:
            first, last = (
                str(round(one.timestamp() * 1000)) for one in (start, start + timedelta(milliseconds=length_ms))
            )
            prefix = f"images/{self._stack.account_id}_{stream_name}_{_common(first, last)}"
            answer = self._s3.list_objects_v2(Bucket=self._images, Prefix=prefix, MaxKeys=_MOST_PICTURES)
            for one in answer.get("Contents", []):
                facts = FrameFacts(stream_name, image_key=one["Key"])
                self.picture(facts)
                if facts.fragment_number == fragment_number:
                    yield facts

    def picture(self, frame: FrameFacts) -> Step | None:
        """The object that was analyzed; `frame` learns what its metadata tell."""
        head = self._head(self._images, str(frame.image_key))
        if head is None:
            return None
        told = {name.lower(): value for name, value in head["Metadata"].items()}
        frame.fragment_number = frame.fragment_number or told.get("aws_kinesisvideo_fragment_number")
        facts = {"key": frame.image_key, "bytes": head["ContentLength"]}
        return Step(head["LastModified"].astimezone(UTC), "images bucket", "picture", facts)

    def evidence(self, keys: EvidenceKeys) -> dict[str, Step]:
        """What is kept, by kind: record, annotated, fragment."""
        wanted = {"record": keys.result, "annotated": keys.annotated, "fragment": keys.archive}
        heads = {kind: self._head(self._evidence, key) for kind, key in wanted.items() if key is not None}
        return {
            kind: Step(head["LastModified"].astimezone(UTC), "evidence bucket", kind, {"key": wanted[kind]})
            for kind, head in heads.items()
            if head is not None
        }

    def ledger(self, result_id: str) -> Step | None:
        """The frame's entry, in the layout of Powertools' idempotency utility."""
        digest = hashlib.md5(json.dumps({"key": result_id}).encode(), usedforsecurity=False).hexdigest()
        answer = self._client("dynamodb").get_item(
            TableName=self._stack.ids["IdempotencyTable"], Key={"id": {"S": f"{LEDGER}#{digest}"}}, ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        status = answer["Item"]["status"]["S"]
        expires = datetime.fromtimestamp(int(answer["Item"]["expiration"]["N"]), UTC)
        return Step(None, "ledger", status.lower(), {"status": status, "expires": expires})

    def result(self, result_id: str, published: datetime) -> FoundRecord | None:
        """In the results stream; `published`: about when it was put."""
        client = self._client("kinesis")
        name = self._stack.ids["ResultsStream"].rpartition("/")[2]
        for page in client.get_paginator("list_shards").paginate(StreamName=name):
            for shard in page["Shards"]:
                for record in _records(client, name, shard["ShardId"], published - _LATE, published + _LATE):
                    if result_id.encode() in record["Data"] and (parsed := _parsed(record["Data"], result_id)):
                        at, number = (
                            record["ApproximateArrivalTimestamp"].astimezone(UTC),
                            int(record["SequenceNumber"]),
                        )
                        return FoundRecord(parsed, at, shard["ShardId"], number)
        return None

    def session(self, stream_name: str, *, at_ms: int | None = None, session_id: str | None = None) -> Step | None:
        """The session with this id, or else the one that goes on at this moment."""
        pages = (
            self._client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self._stack.ids["EventsTable"],
                KeyConditionExpression="#stream = :stream",
                ExpressionAttributeNames={"#stream": "stream"},
                ExpressionAttributeValues={":stream": {"S": stream_name}},
                ScanIndexForward=False,
            )
        )
        for item in (item for page in pages for item in page["Items"] if "document" in item):
            document = json.loads(item["document"]["S"])
            if document["sessionId"] == session_id or (at_ms is not None and _goes_on(document, at_ms)):
                return _session_step(document)
        return None

    def execution(self, name: str) -> Step | None:
        """Of the on-demand workflow."""
        arn = self._stack.ids["AnalyzeRange"].replace(":stateMachine:", ":execution:") + f":{name}"
        try:
            found = self._client("stepfunctions").describe_execution(executionArn=arn)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise
        facts = {"status": found["status"], "error": found.get("error"), "cause": found.get("cause")}
        told = {name: value for name, value in facts.items() if value}
        return Step(found["startDate"].astimezone(UTC), "AnalyzeRange", f"execution {name}", told)

    def letters(self) -> list[tuple[str, Letter]]:
        """(place, letter) of every dead-letter queue; they are held back from others for as long as it takes to read
        them."""
        places = [place for place in PLACES if place.letters in self._stack.ids]

        def of_place(logical_id: str) -> list[Letter]:
            box = DeadLetterQueue(self._sqs, self._queue(logical_id), held_s=_LOOKED_AT_S)
            found = box.collect(_MOST_LETTERS)
            box.release(found)
            return found

        with ThreadPoolExecutor(len(places)) as pool:
            boxes = pool.map(of_place, [place.letters for place in places])
        return [(place.name, letter) for place, found in zip(places, boxes, strict=True) for letter in found]

    def images_waiting(self) -> int:
        """Messages that no function has done with."""
        names: Sequence[Any] = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = self._sqs.get_queue_attributes(QueueUrl=self._queue("ImagesQueue"), AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

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
        return boto3.client(service, config=_CLIENT)  # type: ignore[call-overload]  # any service


def _records(client: Any, name: str, shard_id: str, begin: datetime, end: datetime) -> Iterator[Any]:
    iterator = client.get_shard_iterator(
        StreamName=name, ShardId=shard_id, ShardIteratorType="AT_TIMESTAMP", Timestamp=begin
    )["ShardIterator"]
    while iterator is not None:
        answer = client.get_records(ShardIterator=iterator, Limit=1000)
        yield from answer["Records"]
        came = [record["ApproximateArrivalTimestamp"] for record in answer["Records"]]
        at_tip = not came and answer.get("MillisBehindLatest", 0) == 0
        over = bool(came) and max(came).astimezone(UTC) > end
        iterator = None if at_tip or over else answer.get("NextShardIterator")


def _parsed(data: bytes, result_id: str) -> ResultRecord | None:
    try:
        record = ResultRecord.model_validate_json(data)
    except ValidationError:
        return None
    return record if record.result_id == result_id else None


def _goes_on(document: Any, at_ms: int) -> bool:
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
        "pictures": document["pictures"],
        "bestResultId": best["resultId"],
    }
    return Step(None, "events table", f"session {document['sessionId']}", facts)


def _common(first: str, last: str) -> str:
    """How two moments of the same length begin."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=True))
    return "".join(one for one, _ in same)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
