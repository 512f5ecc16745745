"""SessionStore on the events table: partition key `stream`, sort key `id` (start in epoch milliseconds, session)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, translate
from kinesight.domain.errors import StorageBusyError
from kinesight.domain.session_alerts import document_of
from kinesight.domain.sessions import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbSessions:
    """The newest state of every session; DynamoDB deletes them when their evidence is deleted, too."""

    def __init__(self, client: DynamoDBClient, table: str, *, kept_seconds: int, epoch_s: Callable[[], float]) -> None:
        self._client = client
        self._table = table
        self._kept_seconds = kept_seconds
        self._epoch_s = epoch_s

    def put(self, session: Session) -> None:
        """One PutItem, whatever was there before. The id holds the first moment that was known of the session."""
        document = document_of(session)
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "stream": {"S": session.stream_name},
                    "id": {"S": session_key(session)},
                    "class": {"S": str(session.severity)},
                    "closed": {"BOOL": session.closed},
                    "document": {"S": json.dumps(document)},
                    "expires": {"N": str(round(self._epoch_s()) + self._kept_seconds)},
                },
            )
        except AWS_ERRORS as error:
            raise translate(error, "events table", passing=StorageBusyError, lasting=StorageBusyError) from error


def session_key(session: Session) -> str:
    """In the order of time, as text."""
    return f"{session.opened_ms:015d}#{session.session_id}"
