"""What a stack leaves behind: its buckets, and the streams that it selects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.errors import KinesightError
from kinesight.domain.ports import VideoStream
from kinesight.domain.rate_limit import Pace
from kinesight.domain.streams.discovery import find_selected
from kinesight.wiring.system_clock import SystemClock

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.stack_lookup import StackError, account_of, find_stack, parameters_of, selection_of

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_DESCRIPTION = "Kinesight:"
"""Of the template, which every stack has."""
_OUTLIVE_STACK = frozenset({"ImagesBucket", "EvidenceBucket"})
"""Logical ids of the buckets that CloudFormation retains."""
_BUSY = "_IN_PROGRESS"
_TAGS_PER_SECOND = 20


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of Kinesight. `buckets` are those that it created and that outlive it; `existing_bucket` is a bucket that
    existed before it, "" if there is none."""

    name: str
    stack_id: str
    status: str
    buckets: tuple[str, ...]
    existing_bucket: str
    parameters: Mapping[str, str]

    @property
    def account_id(self) -> str:
        return account_of(self.stack_id)

    @property
    def is_deleted(self) -> bool:
        return self.status == "DELETE_COMPLETE"


def stacks_called(name_or_id: str) -> list[Stack]:
    """Returns the stack with this name or id; if there is none, the deleted stacks that had the name.

    Raises StackError if it is none of Kinesight or being changed.
    """
    found = find_stack(name_or_id)
    if found is None:
        deleted = map(find_stack, _deleted_ids(name_or_id))
        return [_read(one) for one in deleted if one is not None]
    if not str(found.get("Description", "")).startswith(_DESCRIPTION):
        raise StackError(f"the stack {name_or_id} is not a stack of Kinesight: nothing was deleted")
    status = found["StackStatus"]
    if status.endswith(_BUSY) and status != "DELETE_IN_PROGRESS":
        raise StackError(f"the stack {name_or_id} is {status}: wait for the end, then run the command again")
    return [_read(found)]


def _deleted_ids(name: str) -> list[str]:
    """Returns the ids of deleted stacks of Kinesight with this name, which CloudFormation lists for 90 days."""
    client = aws_session.client("cloudformation")
    pages = client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    return [
        one["StackId"]
        for page in pages
        for one in page["StackSummaries"]
        if one["StackName"] == name and str(one.get("TemplateDescription", "")).startswith(_DESCRIPTION)
    ]


def _read(stack: StackTypeDef) -> Stack:
    stack_id, parameters = stack["StackId"], parameters_of(stack)
    existing = parameters.get("ImagesBucketName", "")
    buckets = tuple(sorted(_created_buckets(stack_id) - {"", existing}))
    return Stack(stack["StackName"], stack_id, stack["StackStatus"], buckets, existing, parameters)


def _created_buckets(stack_id: str) -> set[str]:
    """Returns the buckets that a stack created and that outlive it, also of a deleted stack.

    An images bucket that an update to ImagesBucketName left behind is no resource of the stack any more, but has its id
    in the name.
    """
    pages = aws_session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_id)
    names = {
        str(one.get("PhysicalResourceId", ""))
        for page in pages
        for one in page["StackResourceSummaries"]
        if one["LogicalResourceId"] in _OUTLIVE_STACK
    }
    return names | {f"kinesight-images-{stack_id.rpartition('/')[2]}"}


def present_buckets(stack: Stack) -> list[str]:
    """Returns the buckets of a stack that exist in its account."""
    client = aws_session.client("s3")
    return [one for one in stack.buckets if _is_present(client, one, stack.account_id)]


def _is_present(client: Any, name: str, account_id: str) -> bool:
    try:
        client.head_bucket(Bucket=name, ExpectedBucketOwner=account_id)
    except ClientError as error:
        if error.response["Error"].get("Code") in {"404", "NoSuchBucket"}:
            return False
        raise
    return True


def users_of(buckets: Iterable[str]) -> dict[str, str]:
    """Returns the stack that each of these buckets is the ImagesBucketName of, if any."""
    pages = aws_session.client("cloudformation").get_paginator("describe_stacks").paginate()
    users = {
        parameters_of(one).get("ImagesBucketName", ""): one["StackName"] for page in pages for one in page["Stacks"]
    }
    return {one: users[one] for one in buckets if one in users}


def selected_streams(parameters: Mapping[str, str]) -> list[VideoStream]:
    """Returns the streams that a stack's parameters select, by name. Raises StackError if they cannot be listed."""
    directory = KvsStreamDirectory(aws_session.client("kinesisvideo"))
    pace = Pace(SystemClock(), _TAGS_PER_SECOND)
    try:
        found = find_selected(directory.streams(), selection_of(parameters), directory.tags, pace)
    except (KinesightError, ClientError, BotoCoreError) as error:
        raise StackError(f"cannot list the streams of the stack: {error}") from error
    return sorted(found.selected, key=lambda one: one.name)
