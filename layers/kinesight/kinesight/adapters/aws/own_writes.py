"""Conditional writes that recognize themselves.

If the response of a write is lost, botocore sends it again, and its condition fails because of the write itself. So
each write leaves a token in the item; a failure that returns an item with this token is none.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import condition_failed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITER = "writer"
"""Attribute with the token of the write that the item is from."""


class OwnWrites:
    """A client that PowertoolsLedger and the adapters beside it share; other calls are the client's."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **put: Any) -> None:
        """Calls PutItem with a condition. Raises the client's error if the condition fails because of another write."""
        token = new_token()
        try:
            self._client.put_item(
                **put | {"Item": put["Item"] | {WRITER: token}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
            )
        except ClientError as error:
            if written(error, token) is None:
                raise


def new_token() -> dict[str, str]:
    """Returns the attribute value of one write."""
    return {"S": uuid.uuid4().hex}


def written(error: Exception, token: dict[str, str]) -> dict[str, Any] | None:
    """Returns the item that the write with this token has left, if its condition failed because of that."""
    if not condition_failed(error):
        return None
    item: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]  # the stubs do not know it
    return item if item.get(WRITER) == token else None
