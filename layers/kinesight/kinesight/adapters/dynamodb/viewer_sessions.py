"""SessionPages and SessionMarks on the sessions table.

Partition key `stream`, sort key `id`; index `byDay`: `day`, `id`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import AWS_ERRORS, condition_failed, translate
from kinesight.adapters.aws.own_writes import WRITER, new_token, written
from kinesight.domain.errors import KinesightError, StorageBusyError
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.sessions.clip import SessionClip
from kinesight.domain.viewer.sessions import Mark, OpeningTimes, Position, StoredPage, StoredSession

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_INDEX = "byDay"


class DynamoDbSessionPages:
    """Queries pages of at most the requested number of items; DynamoDB also ends a page at 1 MB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def of_day(self, day: date, opened: OpeningTimes | None, after: Position | None, most: int) -> StoredPage:
        """Queries the index, which is eventually consistent."""
        return self._query("day", day.isoformat(), opened, after, most, IndexName=_INDEX)

    def of_stream(self, stream_name: str, opened: OpeningTimes | None, after: Position | None, most: int) -> StoredPage:
        """Queries the table."""
        return self._query("stream", stream_name, opened, after, most)

    def _query(
        self, key: str, value: str, opened: OpeningTimes | None, after: Position | None, most: int, **how: Any
    ) -> StoredPage:
        condition = "#key = :key"
        values: dict[str, AttributeValueTypeDef] = {":key": {"S": value}}
        if opened is not None:
            condition += " AND id BETWEEN :first AND :next"
            values |= {":first": {"S": _first_id(opened.start)}, ":next": {"S": _first_id(opened.end)}}
        if after is not None:
            how["ExclusiveStartKey"] = _key(after) | {key: {"S": value}}
        try:
            response = self._client.query(
                TableName=self._table,
                ScanIndexForward=False,
                Limit=most,
                KeyConditionExpression=condition,
                ExpressionAttributeNames={"#key": key},
                ExpressionAttributeValues=values,
                **how,
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error
        return StoredPage([_session(item) for item in response["Items"]], "LastEvaluatedKey" not in response)


class DynamoDbSessionMarks:
    """Conditional updates: a writer never overwrites a revision that it has not read."""

    def __init__(self, client: DynamoDBClient, table: str, *, kept_seconds: int, epoch_s: Callable[[], float]) -> None:
        """`kept_seconds` is the retention of a session after its legal hold is released."""
        self._client = client
        self._table = table
        self._kept_seconds = kept_seconds
        self._epoch_s = epoch_s

    def find(self, stream_name: str, session_key: str) -> StoredSession | None:
        """Calls GetItem with a consistent read."""
        key = _key(Position(stream_name, session_key))
        try:
            response = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        except AWS_ERRORS as error:
            raise _busy(error) from error
        return _session(response["Item"]) if "Item" in response else None

    def review(self, session: StoredSession, mark: Mark | None) -> StoredSession | None:
        """Calls UpdateItem."""
        if mark is None:
            return self._update(session, "REMOVE reviewed ADD revision :one", {})
        return self._update(session, "SET reviewed = :mark ADD revision :one", {":mark": _marked(mark)})

    def hold(self, session: StoredSession, mark: Mark | None) -> StoredSession | None:
        """Calls UpdateItem; a hold removes the expiry, a release sets it."""
        if mark is None:
            expires = {":expires": {"N": str(round(self._epoch_s()) + self._kept_seconds)}}
            return self._update(session, "SET expires = :expires REMOVE held ADD revision :one", expires)
        return self._update(session, "SET held = :mark REMOVE expires ADD revision :one", {":mark": _marked(mark)})

    def _update(self, session: StoredSession, change: str, values: dict[str, Any]) -> StoredSession | None:
        token = new_token()
        try:
            response = self._client.update_item(
                TableName=self._table,
                Key=_key(Position(session.stream_name, session.session_key)),
                UpdateExpression=_with_writer(change),
                ConditionExpression="attribute_exists(id) AND revision = :seen",
                ExpressionAttributeNames={"#writer": WRITER},
                ExpressionAttributeValues=values
                | {":one": {"N": "1"}, ":seen": {"N": session.revision}, ":writer": token},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AWS_ERRORS as error:
            if condition_failed(error):
                own = written(error, token)
                return None if own is None else _session(own)
            raise _busy(error) from error
        return _session(response["Attributes"])


def _with_writer(change: str) -> str:
    clause = "#writer = :writer"
    return change.replace("SET ", f"SET {clause}, ", 1) if "SET " in change else f"SET {clause} {change}"


def _marked(mark: Mark) -> dict[str, Any]:
    return {"M": {"by": {"S": mark.by}, "at": {"N": str(mark.at_ms)}}}


def _key(position: Position) -> dict[str, AttributeValueTypeDef]:
    return {"stream": {"S": position.stream_name}, "id": {"S": position.session_key}}


def _first_id(moment: datetime) -> str:
    """Returns the lower bound of the ids from a time on. Ids continue with `#`, so it is above all earlier ids."""
    return f"{to_epoch_ms(moment):015d}"


def _session(item: Any) -> StoredSession:
    return StoredSession(
        stream_name=item["stream"]["S"],
        session_key=item["id"]["S"],
        document=json.loads(item["document"]["S"]),
        reviewed=_mark(item.get("reviewed")),
        held=_mark(item.get("held")),
        revision=item.get("revision", {}).get("N", "0"),
        video=SessionClip.stored(item.get("video", {}).get("S")),
    )


def _mark(attribute: Any) -> Mark | None:
    return Mark(attribute["M"]["by"]["S"], int(attribute["M"]["at"]["N"])) if attribute is not None else None


def _busy(error: Exception) -> KinesightError:
    return translate(error, "sessions table", transient=StorageBusyError, permanent=StorageBusyError)
