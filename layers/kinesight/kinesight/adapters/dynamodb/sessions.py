"""SessionStore and SessionClips on the sessions table: partition key `stream`, sort key `id` (start in epoch
milliseconds, session). Each writes its own attributes, so neither overwrites the other's; `revision` counts all writes.
`day` is the key of the viewer's index."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import AWS_ERRORS, condition_failed, translate
from kinesight.domain.errors import KinesightError, StorageBusyError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.sessions.alerts import document_of
from kinesight.domain.sessions.clip import SessionClip, SessionRef
from kinesight.domain.sessions.model import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


_ONE: dict[str, AttributeValueTypeDef] = {":one": {"N": "1"}}
_NEWER = (
    "attribute_not_exists(#images) OR #images < :images "
    "OR (#images = :images AND (:closed = :true OR #closed <> :true))"
)


class DynamoDbSessions:
    """Newest state of every session. Items expire together with their evidence."""

    def __init__(self, client: DynamoDBClient, table: str, *, kept_seconds: int, epoch_s: Callable[[], float]) -> None:
        self._client = client
        self._table = table
        self._kept_seconds = kept_seconds
        self._epoch_s = epoch_s

    def put(self, session: Session) -> None:
        """Calls UpdateItem up to three times; keeps a newer state, because a delayed writer must not overwrite it.

        A session only grows; of two states with the same number of images the closed one is newer. The id contains the
        session's first known start. An item under legal hold has no expiry: the second attempt writes to a held item,
        the third to one that was released in between.
        """
        expires_s = round(self._epoch_s()) + self._kept_seconds
        try:
            for expiry in (expires_s, None, expires_s):
                if self._update(session, expiry):
                    return
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def _update(self, session: Session, expires_s: int | None) -> bool:
        """Writes the state, unless a newer one exists or `expires_s` does not fit the item (None: held).

        Returns whether it was written.
        """
        values: dict[str, AttributeValueTypeDef] = {
            "class": {"S": str(session.severity)},
            "closed": {"BOOL": session.closed},
            "document": {"S": json.dumps(document_of(session))},
            "day": {"S": f"{from_epoch_ms(session.opened_ms):%Y-%m-%d}"},
            "images": {"N": str(session.images)},
        }
        if expires_s is not None:
            values["expires"] = {"N": str(expires_s)}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(SessionRef(session.stream_name, session.opened_ms, session.session_id)),
                UpdateExpression=f"SET {', '.join(f'#{name} = :{name}' for name in values)} ADD revision :one",
                ConditionExpression=f"attribute_{'not_' if expires_s is not None else ''}exists(held) AND ({_NEWER})",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={
                    **{f":{name}": value for name, value in values.items()},
                    ":true": {"BOOL": True},
                    **_ONE,
                },
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True


class DynamoDbSessionClips:
    """Attributes `video` and `videoImages`, the number of images of its session."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, session: SessionRef) -> SessionClip | None:
        """Calls GetItem with a consistent read."""
        try:
            response = self._client.get_item(
                TableName=self._table, Key=_key(session), ProjectionExpression="video", ConsistentRead=True
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error
        return SessionClip.stored(response.get("Item", {}).get("video", {}).get("S"))

    def save(self, session: SessionRef, video: SessionClip) -> bool:
        """Calls UpdateItem with a condition; never creates an item."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(session),
                UpdateExpression="SET video = :video, videoImages = :images ADD revision :one",
                ConditionExpression="attribute_exists(id) "
                "AND (attribute_not_exists(videoImages) OR videoImages <= :images)",
                ExpressionAttributeValues={
                    ":video": {"S": video.model_dump_json(by_alias=True, exclude_none=True)},
                    ":images": {"N": str(video.images)},
                    **_ONE,
                },
            )
        except AWS_ERRORS as error:
            if condition_failed(error):
                return False
            raise _busy(error) from error
        return True


def _key(session: SessionRef) -> dict[str, AttributeValueTypeDef]:
    """Returns the key; ids sort by time."""
    return {"stream": {"S": session.stream_name}, "id": {"S": session.session_key}}


def _busy(error: Exception) -> KinesightError:
    return translate(error, "sessions table", transient=StorageBusyError, permanent=StorageBusyError)
