"""VersionedDocuments on the coordination table: partition key `pk` is the kind, sort key `sk` the document's key.

kind                holds
activity            per stream, what sessions are made of (domain.sessions)
analyses            `recent`: what people started (domain.viewer_analyses)
bursts              per stream ARN, its notified fragments (domain.bursts)
consumers           per slot, the live consumer in it (domain.conduct_live)
gate                per stream, the last picture that was sent, small and grey (domain.gate)
leases              per stream ARN, who reads it live and how far (domain.leases)
pictures            per stream, when it last had a picture (domain.picture_watch)
sweeps              per stream ARN, its checkpoint (domain.sweep_streams)

Partitions that begin with `budget#` hold what is spent (spending_dynamodb).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws_errors import AWS_ERRORS, condition_failed, translate
from kinesight.domain.errors import StorageBusyError
from kinesight.domain.ports import Versioned

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_PLAIN_CHARACTERS = 50_000
"""Documents that are larger are compressed, to a half or less: an item has at most 400 KB."""


class DynamoDbDocuments:
    """Optimistic locking: a put on the condition that the version is the one that was seen."""

    def __init__(self, client: DynamoDBClient, table: str, *, kind: str) -> None:
        self._client = client
        self._table = table
        self._kind = kind

    def load(self, key: str) -> Versioned:
        """A consistent read."""
        try:
            found = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": self._kind}, "sk": {"S": key}}, ConsistentRead=True
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error
        return _versioned(found["Item"]) if "Item" in found else Versioned(0, None)

    def all(self) -> dict[str, Versioned]:
        """A consistent query of the whole partition."""
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
        """A conditional put."""
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
    return Versioned(int(item["version"]["N"]), body["S"] if "S" in body else zlib.decompress(body["B"]).decode())


def _busy(error: Exception) -> Exception:
    return translate(error, "coordination table", passing=StorageBusyError, lasting=StorageBusyError)
