"""What a stack leaves behind: its buckets, and the streams that it selects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.errors import KinesightError
from kinesight.domain.ports import VideoStream
from kinesight.domain.rate_limit import Pace
from kinesight.domain.streams.discovery import find_selected
from kinesight.domain.streams.selection import StreamSelection
from kinesight.settings import SelectionSettings
from kinesight.wiring.system_clock import SystemClock

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.stack_lookup import StackError

_DESCRIPTION = "Kinesight:"
"""Of the template, which every stack has."""
_BUSY = "_IN_PROGRESS"
_TAGS_PER_SECOND = 20


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """A stack that exists. `buckets` are those that it created and that outlive it; `existing_bucket` is a bucket that
    existed before it, "" if there is none."""

    name: str
    stack_id: str
    status: str
    buckets: tuple[str, ...]
    existing_bucket: str
    parameters: Mapping[str, str]


def account_of(stack_id: str) -> str:
    """Returns the account in an ARN."""
    return stack_id.split(":")[4]


def deployed_stack(name: str) -> DeployedStack | None:
    """Returns the stack, None if there is none. Raises StackError if it is none of Kinesight or being changed."""
    client = aws_session.client("cloudformation")
    try:
        (found,) = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"].get("Code") == "ValidationError":
            return None
        raise
    if not str(found.get("Description", "")).startswith(_DESCRIPTION):
        raise StackError(f"the stack {name} is not a stack of Kinesight: nothing was deleted")
    status = str(found["StackStatus"])
    if status.endswith(_BUSY) and status != "DELETE_IN_PROGRESS":
        raise StackError(f"the stack {name} is {status}: wait for the end, then run the command again")
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}
    existing = parameters.get("ImagesBucketName", "")
    buckets = created_buckets(client, found["StackId"], except_for=existing)
    return DeployedStack(name, found["StackId"], status, buckets, existing, parameters)


def deleted_stacks(name: str) -> list[str]:
    """Returns the ids of deleted stacks of Kinesight with this name, which CloudFormation lists for 90 days."""
    client = aws_session.client("cloudformation")
    pages = client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    return [
        one["StackId"]
        for page in pages
        for one in page["StackSummaries"]
        if one["StackName"] == name and str(one.get("TemplateDescription", "")).startswith(_DESCRIPTION)
    ]


def created_buckets(client: Any, stack_id: str, *, except_for: str = "") -> tuple[str, ...]:
    """Returns the buckets that a stack created, also of a deleted stack, except the viewer's, which goes with it.

    An images bucket that an update to ImagesBucketName left behind is no resource of the stack any more, but has its id
    in the name.
    """
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    names = {
        str(one.get("PhysicalResourceId", ""))
        for page in pages
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == "AWS::S3::Bucket" and one["LogicalResourceId"] != "PageBucket"
    }
    names.add(f"kinesight-images-{stack_id.rpartition('/')[2]}")
    return tuple(sorted(names - {"", except_for}))


def present_buckets(names: Iterable[str], account_id: str) -> list[str]:
    """Returns the buckets that exist in this account."""
    client = aws_session.client("s3")
    return [one for one in names if _is_present(client, one, account_id)]


def _is_present(client: Any, name: str, account_id: str) -> bool:
    try:
        client.head_bucket(Bucket=name, ExpectedBucketOwner=account_id)
    except ClientError as error:
        if error.response["Error"].get("Code") in {"404", "NoSuchBucket"}:
            return False
        raise
    return True


def selected_streams(parameters: Mapping[str, str]) -> list[VideoStream]:
    """Returns the streams that a stack's parameters select, by name. Raises StackError if they cannot be listed."""
    chosen = SelectionSettings(
        stream_names=parameters.get("StreamNames", ""),  # type: ignore[arg-type]  # pydantic splits text
        tag_filters=parameters.get("TagFilters", ""),
    )
    directory = KvsStreamDirectory(aws_session.client("kinesisvideo"))
    pace = Pace(SystemClock(), _TAGS_PER_SECOND)
    try:
        selection = StreamSelection.read(chosen.stream_names, chosen.tag_filters)
        found = find_selected(directory.streams(), selection, directory.tags, pace)
    except (KinesightError, ClientError, BotoCoreError) as error:
        raise StackError(f"cannot list the streams of the stack: {error}") from error
    return sorted(found.selected, key=lambda one: one.name)
