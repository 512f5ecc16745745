"""Ledger on DynamoDB, in the layout and with the rules of Powertools' idempotency utility.

The utility's decorator guards one function call; here a batch begins many pieces of work and finishes them together
once the results stream has acknowledged them, so the persistence layer beneath the decorator is used directly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import STATUS_CONSTANTS

from kinesight.adapters.aws_errors import AWS_ERRORS, translate
from kinesight.domain.errors import StillInProgressError, StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_COMPLETED = STATUS_CONSTANTS["COMPLETED"]


class PowertoolsLedger:
    """Work that an invocation began and never finished is free again when that invocation's time was up."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        name: str,
        kept_seconds: int,
        remaining_ms: Callable[[], int],
    ) -> None:
        """`name`: what has the same name shares a ledger. `remaining_ms`: how long the current invocation may still
        run."""
        self._layer = DynamoDBPersistenceLayer(table_name=table_name, boto3_client=client)
        # As a function's name it would get the Lambda function's in front, and every function a ledger of its own.
        self._layer.configure(IdempotencyConfig(expires_after_seconds=kept_seconds), key_prefix=name)
        self._remaining_ms = remaining_ms

    def begin(self, key: str) -> bool:
        """One conditional put."""
        try:
            self._layer.save_inprogress({"key": key}, self._remaining_ms())
        except IdempotencyItemAlreadyExistsError as error:
            if error.old_data_record is not None and error.old_data_record.status == _COMPLETED:
                return False
            raise StillInProgressError(f"another invocation works on {key}") from error
        except IdempotencyItemNotFoundError as error:
            raise StillInProgressError(f"another invocation has just given {key} back") from error
        except AWS_ERRORS as error:
            raise _busy(error, key) from error
        return True

    def finish(self, key: str) -> None:
        """One update."""
        try:
            self._layer.save_success({"key": key}, {})
        except AWS_ERRORS as error:
            raise _busy(error, key) from error

    def release(self, key: str) -> None:
        """One delete."""
        try:
            self._layer.delete_record({"key": key}, StorageBusyError(key))
        except AWS_ERRORS as error:
            raise _busy(error, key) from error


def _busy(error: Exception, key: str) -> Exception:
    return translate(error, f"idempotency of {key}", passing=StorageBusyError, lasting=StorageBusyError)
