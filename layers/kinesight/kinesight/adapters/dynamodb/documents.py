"""VersionedDocuments on the coordination table: partition key `pk` is the kind, sort key `sk` the document's key.

kind                contents
activity            per stream, the state of its sessions (domain/sessions/tracker.py)
analyses            `recent`: analyses that users started (domain/viewer/analyses.py)
bursts              per stream ARN, its notified fragments (domain/on_demand/notification_bursts.py)
consumers           per slot, its live consumer (domain/live/conduct_live.py)
gate                per stream, a small grayscale copy of the last image that passed (domain/gate/frame_gate.py)
leases              per stream ARN, its live consumer and position (domain/live/leases.py)
images            per stream, the time of its last image (domain/streams/missing_images.py)
sweeps              per stream ARN, its checkpoint (domain/on_demand/sweep_streams.py)

Partitions that begin with `budget#` contain spend (spend_counters.py).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import AWS_ERRORS, condition_failed, translate
from kinesight.domain.errors import StorageBusyError
from kinesight.domain.ports import Versioned

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_MOST_BYTES = 50_000_000
_PLAIN_CHARACTERS = 50_000
"""Larger documents are compressed to half or less: an item has at most 400 KB."""


class DynamoDbDocuments:
    """Documents of one kind. A put is conditional on the version that the caller has read."""

    def __init__(self, client: DynamoDBClient, table: str, *, kind: str) -> None:
        self._client = client
        self._table = table
        self._kind = kind

    def load(self, key: str) -> Versioned:
        """Calls GetItem with a consistent read."""
        try:
            found = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": self._kind}, "sk": {"S": key}}, ConsistentRead=True
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error
        return _versioned(found["Item"]) if "Item" in found else Versioned(0, None)

    def all(self) -> dict[str, Versioned]:
        """Queries the whole partition with consistent reads."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": self._kind}},
            ConsistentRead=True,
        )
        try:
            return {item["sk"]["S"]: _versioned(item) for page in pages for item in page["Items"]}
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def save(self, key: str, body: str, seen_version: int) -> bool:
        """Calls PutItem with a condition."""
        item = {
            "pk": {"S": self._kind},
            "sk": {"S": key},
            "version": {"N": str(seen_version + 1)},
            "body": _stored(body),
        }
        try:
            self._client.put_item(
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
