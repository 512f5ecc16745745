"""VersionedDocuments on the coordination table: partition key `pk` is the kind, sort key `sk` the document's key.

Kinds of many small documents are spread over partitions `<kind>#<number>`, because DynamoDB serves 1,000 write units
and 3,000 read units a second per partition key ("Designing partition keys").

kind                contents
activity            per stream, the state of its sessions (domain/sessions/tracker.py)
analyses            `recent`: analyses that users started (domain/viewer/analyses.py)
bursts              per stream ARN, its notified fragments (domain/on_demand/notification_bursts.py)
assignments         per slot, the streams that its live consumer reads (domain/live/assignments.py); spread
consumers           per slot, its live consumer (domain/live/conduct_live.py); spread
gate                per stream, a small grayscale copy of the last image that passed (domain/gate/frame_gate.py)
leases              per stream ARN, its live consumer and position (domain/live/leases.py); spread
images              per stream, the time of its last image (domain/streams/missing_images.py)
sweeps              per stream ARN, its checkpoint (domain/on_demand/sweep_streams.py)

Partitions that begin with `budget#` contain spend (spend_counters.py).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import AWS_ERRORS, condition_failed, translate
from kinesight.adapters.aws.own_writes import put_item_once
from kinesight.domain.errors import StorageBusyError
from kinesight.domain.ports import Versioned

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_MOST_BYTES = 50_000_000
_PARTITIONS = {"leases": 32, "consumers": 8, "assignments": 8}
"""Kinds that are spread, which must never change: 10,000 live streams write some 2,600 units a second to their leases,
and with 1,000 consumers some 100 to their slots (benchmarks/leases.py)."""
_PLAIN_CHARACTERS = 50_000
"""Larger documents are compressed to half or less: an item has at most 400 KB."""


class DynamoDbDocuments:
    """Documents of one kind. A put is conditional on the version that the caller has read.

    Reads that are not `consistent` cost half; a put after an outdated read returns False. `partitions` is for documents
    that an earlier version stored.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        kind: str,
        partitions: int | None = None,
        consistent: bool = True,
    ) -> None:
        self._client = client
        self._table = table
        self._kind = kind
        self._partitions = _PARTITIONS.get(kind, 1) if partitions is None else partitions
        self._consistent = consistent

    def load(self, key: str) -> Versioned:
        """Calls GetItem."""
        try:
            found = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": _partition_key(self._kind, key, self._partitions)}, "sk": {"S": key}},
                ConsistentRead=self._consistent,
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error
        return _versioned(found["Item"]) if "Item" in found else Versioned(0, None)

    def all(self) -> dict[str, Versioned]:
        """Queries all partitions, one after the other."""
        found: dict[str, Versioned] = {}
        for number in range(self._partitions):
            found |= self._partition(_numbered(self._kind, number, self._partitions))
        return found

    def _partition(self, name: str) -> dict[str, Versioned]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": name}},
            ConsistentRead=self._consistent,
        )
        try:
            return {item["sk"]["S"]: _versioned(item) for page in pages for item in page["Items"]}
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def save(self, key: str, body: str, seen_version: int) -> bool:
        """Calls PutItem with a condition; a write whose response was lost is recognized as one's own."""
        item = {
            "pk": {"S": _partition_key(self._kind, key, self._partitions)},
            "sk": {"S": key},
            "version": {"N": str(seen_version + 1)},
            "body": _stored(body),
        }
        try:
            put_item_once(
                self._client.put_item,
                TableName=self._table,
                Item=item,
                ConditionExpression="#version = :seen OR (attribute_not_exists(pk) AND :seen = :none)",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":seen": {"N": str(seen_version)}, ":none": {"N": "0"}},
            )
        except AWS_ERRORS as error:
            if condition_failed(error):
                return False
            raise _busy(error) from error
        return True


def partition_key(kind: str, key: str) -> str:
    """Returns the partition key of a document."""
    return _partition_key(kind, key, _PARTITIONS.get(kind, 1))


def _partition_key(kind: str, key: str, partitions: int) -> str:
    return _numbered(kind, zlib.crc32(key.encode()) % partitions, partitions)


def _numbered(kind: str, number: int, partitions: int) -> str:
    return kind if partitions == 1 else f"{kind}#{number:02}"


def _stored(body: str) -> AttributeValueTypeDef:
    return {"S": body} if len(body) < _PLAIN_CHARACTERS else {"B": zlib.compress(body.encode())}


def _versioned(item: Any) -> Versioned:
    body = item["body"]
    return Versioned(int(item["version"]["N"]), body["S"] if "S" in body else _plain(body["B"]))


def _plain(compressed: bytes) -> str:
    """Returns no text of a body that is damaged or unreasonably large, so that other documents can be listed."""
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(bytes(compressed), _MOST_BYTES)
        return body.decode() if stream.eof else ""
    except (zlib.error, UnicodeDecodeError):
        return ""


def _busy(error: Exception) -> Exception:
    return translate(error, "coordination table", transient=StorageBusyError, permanent=StorageBusyError)
