"""Conditional writes that recognize themselves.

If the response of a write is lost, botocore sends it again, and its condition fails because of the write itself. So
each write leaves a token in the item; a failure that returns an item with this token is none.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import condition_failed

WRITER = "writer"
"""Attribute with the token of the write that the item is from."""


def put_item_once(put_item: Callable[..., Any], **put: Any) -> None:
    """Calls a client's PutItem with a condition. Raises its error, unless the condition failed because of itself."""
    token = new_token()
    try:
        put_item(**put | {"Item": put["Item"] | {WRITER: token}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"})
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
