"""ManagedStreams on the coordination table: partition key `pk`, sort key `sk`.

pk                  sk                          contents
managed-streams     <feature>#<stream ARN>      original, applied, described (JSON), verified_at_s
configure-streams   lock                        token, expires_at_s
configure-streams   retired                     no attributes; only its existence matters
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import AWS_ERRORS, condition_failed, translate
from kinesight.adapters.aws.own_writes import put_item_once
from kinesight.domain.errors import StorageBusyError
from kinesight.domain.streams.stream_settings import Feature, FeatureSettings, ManagedFeature

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MANAGED = "managed-streams"
_RUNS = "configure-streams"


class DynamoDbManagedStreams:
    """Conditional writes protect the first original settings and the lock."""

    def __init__(self, client: DynamoDBClient, table: str, *, epoch_s: Callable[[], float]) -> None:
        self._client = client
        self._table = table
        self._epoch_s = epoch_s

    def all(self) -> list[ManagedFeature]:
        """Queries the whole partition with consistent reads."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": _MANAGED}},
            ConsistentRead=True,
        )
        try:
            return [_managed(item) for page in pages for item in page["Items"]]
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def manages(self, feature: Feature, stream_arn: str) -> bool:
        """Reads the entry consistently."""
        key = key_of(feature, stream_arn)
        try:
            return "Item" in self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def add(self, managed: ManagedFeature) -> ManagedFeature:
        """Calls PutItem on the condition that there is no entry."""
        item = _item(managed) | {"original": {"S": json.dumps(managed.original)}}
        try:
            if self._written(Item=item, ConditionExpression="attribute_not_exists(pk)"):
                return managed
            found = self._client.get_item(TableName=self._table, Key=_key(managed), ConsistentRead=True)
            return _managed(found["Item"])
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def update(self, managed: ManagedFeature) -> None:
        """Updates everything except the original."""
        item = _item(managed)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(managed),
                UpdateExpression="SET applied = :applied, described = :described, verified_at_s = :verified, "
                "stream_name = :name",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={
                    ":applied": item["applied"],
                    ":described": item["described"],
                    ":verified": item["verified_at_s"],
                    ":name": item["stream_name"],
                },
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def forget(self, managed: ManagedFeature) -> None:
        """Calls DeleteItem without a condition."""
        try:
            self._client.delete_item(TableName=self._table, Key=_key(managed))
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def lock(self, seconds: float) -> str | None:
        """Calls PutItem on the condition that the lock is free or has expired."""
        token, now_s = str(uuid.uuid4()), self._epoch_s()
        item = {
            "pk": {"S": _RUNS},
            "sk": {"S": "lock"},
            "token": {"S": token},
            "expires_at_s": {"N": f"{now_s + seconds:.3f}"},
        }
        try:
            taken = self._written(
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR expires_at_s < :now",
                ExpressionAttributeValues={":now": {"N": f"{now_s:.3f}"}},
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error
        return token if taken else None

    def unlock(self, token: str) -> None:
        """Calls DeleteItem on the condition that the token still holds the lock."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key={"pk": {"S": _RUNS}, "sk": {"S": "lock"}},
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":token": {"S": token}},
            )
        except AWS_ERRORS as error:
            if not condition_failed(error):
                raise _busy(error) from error

    def retire(self, retired: bool) -> None:
        """Writes or deletes the marker item."""
        marker: Any = {"pk": {"S": _RUNS}, "sk": {"S": "retired"}}
        try:
            if retired:
                self._client.put_item(TableName=self._table, Item=marker)
            else:
                self._client.delete_item(TableName=self._table, Key=marker)
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def retired(self) -> bool:
        """Reads the marker item consistently."""
        marker: Any = {"pk": {"S": _RUNS}, "sk": {"S": "retired"}}
        try:
            return "Item" in self._client.get_item(TableName=self._table, Key=marker, ConsistentRead=True)
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def _written(self, **put: Any) -> bool:
        try:
            put_item_once(self._client.put_item, TableName=self._table, **put)
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True


def key_of(feature: Feature, stream_arn: str) -> Any:
    """Returns the key of an entry."""
    return {"pk": {"S": _MANAGED}, "sk": {"S": f"{feature}#{stream_arn}"}}


def described_settings(item: Any) -> FeatureSettings | None:
    """Returns `described` of an entry; None in one that an earlier version wrote."""
    return cast("FeatureSettings | None", json.loads(item["described"]["S"])) if "described" in item else None


def _key(managed: ManagedFeature) -> Any:
    return key_of(managed.feature, managed.stream_arn)


def _item(managed: ManagedFeature) -> Any:
    return _key(managed) | {
        "stream_name": {"S": managed.stream_name},
        "applied": {"S": json.dumps(list(managed.applied))},
        "described": {"S": json.dumps(managed.described)},
        "verified_at_s": {"N": f"{managed.verified_at_s:.3f}"},
    }


def _managed(item: Any) -> ManagedFeature:
    feature, _, arn = item["sk"]["S"].partition("#")
    return ManagedFeature(
        stream_name=item["stream_name"]["S"],
        stream_arn=arn,
        feature=Feature(feature),
        original=json.loads(item["original"]["S"]),
        applied=tuple(json.loads(item["applied"]["S"])),
        verified_at_s=float(item["verified_at_s"]["N"]),
        described=described_settings(item),
    )


def _busy(error: Exception) -> Exception:
    return translate(error, "coordination table", transient=StorageBusyError, permanent=StorageBusyError)
