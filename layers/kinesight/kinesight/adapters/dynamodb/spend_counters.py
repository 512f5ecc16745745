"""SpendCounters on the coordination table, one item per counter and UTC day.

pk                          sk            attributes
budget#stack                2026-11-21    micro_usd, calls, expiration
budget#stream#<name>        2026-11-21    the same

Each counter has its own partition key, so DynamoDB can give it its own partition with 1,000 writes per second
("Understanding DynamoDB warm throughput in different scenarios").
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import AWS_ERRORS, condition_failed, translate
from kinesight.domain.detectors.ports import ReserveResult
from kinesight.domain.errors import StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RETENTION = timedelta(days=35)
"""Retention of past days, for reports."""


class DynamoDbSpendCounters:
    """Spend of the stack and of each stream.

    `once` is a client without retries, because a retry after a lost response adds an amount twice. That is acceptable
    for reservations, which then reach the limit earlier, but not for corrections, which can be negative.
    """

    def __init__(self, client: DynamoDBClient, once: DynamoDBClient, table: str) -> None:
        self._client = client
        self._once = once
        self._table = table

    def reserve(self, counter: str, day: str, micro_usd: int, most_micro_usd: int) -> ReserveResult:
        """Calls UpdateItem with a condition."""
        try:
            response = self._client.update_item(
                TableName=self._table,
                Key=_key(counter, day),
                UpdateExpression="ADD micro_usd :cost, calls :one SET expiration = :expiration",
                # A missing item has no spend; even then one call can exceed the maximum.
                ConditionExpression="micro_usd <= :left OR (attribute_not_exists(micro_usd) AND :left >= :none)",
                ExpressionAttributeValues={
                    ":cost": {"N": str(micro_usd)},
                    ":one": {"N": "1"},
                    ":expiration": {"N": str(_expiration_s(day))},
                    ":left": {"N": str(most_micro_usd - micro_usd)},
                    ":none": {"N": "0"},
                },
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AWS_ERRORS as error:
            if condition_failed(error):
                return ReserveResult(False, _micro_usd(error.response.get("Item")))
            raise _busy(error) from error
        return ReserveResult(True, _micro_usd(response["Attributes"]))

    def correct(self, counter: str, day: str, micro_usd: int, *, calls: int) -> None:
        """Calls UpdateItem without retries."""
        try:
            self._once.update_item(
                TableName=self._table,
                Key=_key(counter, day),
                UpdateExpression="ADD micro_usd :difference, calls :calls",
                ExpressionAttributeValues={":difference": {"N": str(micro_usd)}, ":calls": {"N": str(calls)}},
            )
        except AWS_ERRORS as error:
            raise _busy(error) from error


def _key(counter: str, day: str) -> Any:
    return {"pk": {"S": f"budget#{counter}"}, "sk": {"S": day}}


def _micro_usd(item: Any) -> int:
    return int(item["micro_usd"]["N"]) if item and "micro_usd" in item else 0


def _expiration_s(day: str) -> int:
    return int((datetime.fromisoformat(day).replace(tzinfo=UTC) + _RETENTION).timestamp())


def _busy(error: Exception) -> Exception:
    return translate(error, "spending counters", transient=StorageBusyError, permanent=StorageBusyError)
