"""SessionStore and SessionClips on the events table: partition key `stream`, sort key `id` (start in epoch
milliseconds, session). Each has attributes of its own, so neither overwrites what the other wrote; `revision` counts
all writes. `day` is the key of the viewer's index."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, condition_failed, translate
from kinesight.domain.errors import KinesightError, StorageBusyError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.sessions.alerts import document_of
from kinesight.domain.sessions.tracker import Session
from kinesight.domain.sessions.video import SessionRef, SessionClip

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


_ONE: dict[str, AttributeValueTypeDef] = {":one": {"N": "1"}}
_NEWER = (
    "attribute_not_exists(#pictures) OR #pictures < :pictures "
    "OR (#pictures = :pictures AND (:closed = :true OR #closed <> :true))"
)


class DynamoDbSessions:
    """The newest state of every session; DynamoDB deletes them when their evidence is deleted, too."""

    def __init__(self, client: DynamoDBClient, table: str, *, kept_seconds: int, epoch_s: Callable[[], float]) -> None:
        self._client = client
        self._table = table
        self._kept_seconds = kept_seconds
        self._epoch_s = epoch_s

    def put(self, session: Session) -> None:
        """One UpdateItem, or three, unless a newer state is there: whoever was held up while telling must not undo what
        others told meanwhile. A session only grows, and of two with as many pictures the one that has ended is newer.
        The id holds the first moment that was known of the session. An event that is held has no expiry; the third
        try is for one that was let go meanwhile."""
        expires_s = round(self._epoch_s()) + self._kept_seconds
        try:
            for one in (expires_s, None, expires_s):
                if self._update(session, one):
                    return
        except AWS_ERRORS as error:
            raise _busy(error) from error

    def _update(self, session: Session, expires_s: int | None) -> bool:
        """False, and nothing is written, if there is a newer state, or if the event is held and must not expire, or the
        other way round."""
        values: dict[str, AttributeValueTypeDef] = {
            "class": {"S": str(session.severity)},
            "closed": {"BOOL": session.closed},
            "document": {"S": json.dumps(document_of(session))},
            "day": {"S": f"{from_epoch_ms(session.opened_ms):%Y-%m-%d}"},
            "pictures": {"N": str(session.pictures)},
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
    """Attribute `video`, and `videoPictures`: of how many pictures its session was."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, session: SessionRef) -> SessionClip | None:
        """One consistent GetItem."""
        try:
            answer = self._client.get_item(
                TableName=self._table, Key=_key(session), ProjectionExpression="video", ConsistentRead=True
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error
        found = answer.get("Item", {}).get("video")
        return None if found is None else SessionClip.model_validate_json(found["S"])

    def save(self, session: SessionRef, video: SessionClip) -> bool:
        """One conditional UpdateItem, which never makes an item."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(session),
                UpdateExpression="SET video = :video, videoPictures = :pictures ADD revision :one",
                ConditionExpression="attribute_exists(id) "
                "AND (attribute_not_exists(videoPictures) OR videoPictures <= :pictures)",
                ExpressionAttributeValues={
                    ":video": {"S": video.model_dump_json(by_alias=True, exclude_none=True)},
                    ":pictures": {"N": str(video.pictures)},
                    **_ONE,
                },
            )
        except AWS_ERRORS as error:
            if condition_failed(error):
                return False
            raise _busy(error) from error
        return True


def _key(session: SessionRef) -> dict[str, AttributeValueTypeDef]:
    """In the order of time, as text."""
    return {"stream": {"S": session.stream_name}, "id": {"S": session.event_id}}


def _busy(error: Exception) -> KinesightError:
    return translate(error, "events table", passing=StorageBusyError, lasting=StorageBusyError)
