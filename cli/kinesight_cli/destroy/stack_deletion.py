"""Deletes a stack and waits for the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from kinesight_cli.shared.stack_lookup import StackError

_POLL_S = 5.0
_GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})


def delete_stack(
    client: Any, name: str, stack_id: str, *, sleep: Callable[[float], None], update: Callable[[int, int], None]
) -> None:
    """Deletes a stack; one that is being deleted is waited for. `update` gets how many of its resources are gone.

    Raises StackError with the resources that could not be deleted.
    """
    try:
        client.delete_stack(StackName=stack_id)
    except ClientError as error:
        raise StackError(f"the stack {name} is not deleted: {error.response['Error'].get('Message', error)}") from error
    while (status := _status(client, stack_id)) == "DELETE_IN_PROGRESS":
        resources = _resources(client, stack_id)
        update(sum(one["ResourceStatus"] in _GONE for one in resources), len(resources))
        sleep(_POLL_S)  # botocore's waiter for deleted stacks reports no progress
    if status != "DELETE_COMPLETE":
        raise StackError(_failure(client, name, stack_id, status))


def _status(client: Any, stack_id: str) -> str:
    (found,) = client.describe_stacks(StackName=stack_id)["Stacks"]
    return str(found["StackStatus"])


def _resources(client: Any, stack_id: str) -> list[Any]:
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    return [one for page in pages for one in page["StackResourceSummaries"]]


def _failure(client: Any, name: str, stack_id: str, status: str) -> str:
    failed = [
        f"{one['LogicalResourceId']} ({one['ResourceType']}): {one.get('ResourceStatusReason', 'no reason given')}"
        for one in _resources(client, stack_id)
        if one["ResourceStatus"] == "DELETE_FAILED"
    ]
    reasons = "; ".join(failed) or "see the stack's events"
    return (
        f"the stack {name} is {status}: {reasons}. Its buckets were not touched. Remove the reason, then run the "
        "command again: it continues"
    )
