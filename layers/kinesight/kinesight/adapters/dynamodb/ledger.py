"""Ledger on DynamoDB, with the item layout and rules of Powertools' idempotency utility.

The utility's decorator covers one function call. A batch here begins many pieces of work and finishes them together
after the results stream has acknowledged them, so this module uses the persistence layer below the decorator.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import STATUS_CONSTANTS

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.adapters.aws.own_writes import put_item_once
from kinesight.domain.errors import StillInProgressError, StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_COMPLETED = STATUS_CONSTANTS["COMPLETED"]


class PowertoolsLedger:
    """Unfinished work becomes available again when its invocation's time is up."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        name: str,
        kept_seconds: int,
        remaining_ms: Callable[[], int],
    ) -> None:
        """Adapters with the same `name` share a ledger. `remaining_ms` returns the invocation's remaining time."""
        # Without put_item_once, work whose response was lost would wait for its own entry to expire.
        own: Any = SimpleNamespace(
            put_item=partial(put_item_once, client.put_item),
            update_item=client.update_item,
            delete_item=client.delete_item,
        )
        self._layer = DynamoDBPersistenceLayer(table_name=table_name, boto3_client=own)
        # As function_name it would be prefixed with the Lambda function's name, giving each function its own ledger.
        self._layer.configure(IdempotencyConfig(expires_after_seconds=kept_seconds), key_prefix=name)
        self._remaining_ms = remaining_ms

    def begin(self, key: str) -> bool:
        """Calls PutItem with a condition."""
        try:
            self._layer.save_inprogress({"key": key}, self._remaining_ms())
        except IdempotencyItemAlreadyExistsError as error:
            if error.old_data_record is not None and error.old_data_record.status == _COMPLETED:
                return False
            raise StillInProgressError(f"another invocation is processing {key}") from error
        except IdempotencyItemNotFoundError as error:
            raise StillInProgressError(f"another invocation has just released {key}") from error
        except AWS_ERRORS as error:
            raise _busy(error, key) from error
        return True

    def finish(self, key: str) -> None:
        """Calls UpdateItem."""
        try:
            self._layer.save_success({"key": key}, {})
        except AWS_ERRORS as error:
            raise _busy(error, key) from error

    def release(self, key: str) -> None:
        """Calls DeleteItem."""
        try:
            self._layer.delete_record({"key": key}, StorageBusyError(key))
        except AWS_ERRORS as error:
            raise _busy(error, key) from error


def _busy(error: Exception, key: str) -> Exception:
    return translate(error, f"idempotency of {key}", transient=StorageBusyError, permanent=StorageBusyError)
