"""Deletes what a stack has stored of a temporary stream: objects, sessions and state.

What has no name of the stream stays and expires: entries of the ledger (a day), crops for a second detector (with the
images), logs and metrics.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from kinesight_cli.verify.deployment import Deployment

_EVIDENCE = ("results", "results/unmatched", "annotated", "annotated/unmatched", "archive")
_MOST_EXECUTIONS = 200
"""Of the last ones: those of a run are among them."""
_ABSENT = frozenset(
    {"NoSuchBucket", "NotFound", "NotFoundException", "ResourceNotFoundException", "StateMachineDoesNotExist"}
)


def is_absent(error: Exception) -> bool:
    """Whether the error is that a bucket, table, topic, function or state machine does not exist."""
    return isinstance(error, ClientError) and error.response["Error"].get("Code") in _ABSENT


def executions_of(deployment: Deployment, stream: str) -> Iterator[tuple[str, bool]]:
    """Yields (ARN, whether it runs) of the executions that analyze the stream, among the last ones. Raises botocore's
    errors."""
    client = deployment.clients("stepfunctions")
    pages = client.get_paginator("list_executions").paginate(
        stateMachineArn=deployment.id_of("AnalyzeRange"), PaginationConfig={"MaxItems": _MOST_EXECUTIONS}
    )
    for one in (one for page in pages for one in page["executions"]):
        text = client.describe_execution(executionArn=one["executionArn"]).get("input", "")
        if f'"{stream}"' in text or f":stream/{stream}/" in text:
            yield one["executionArn"], one["status"] == "RUNNING"


def _images(deployment: Deployment, stream: str) -> int:
    """Deletes generated images, whichever way KVS joins their keys, and images of live reading and of analyses."""
    account = deployment.resources.account_id
    executions = [arn for arn, _ in executions_of(deployment, stream)]
    names = [arn.rpartition(":")[2] for arn in executions]
    prefixes = [
        *(f"images{slashes}{account}_{stream}_" for slashes in ("/", "//", "")),
        f"live/{stream}/",
        *(f"on-demand/{name}/" for name in names),
        *(f"on-demand/map/{one}/" for one in _map_runs(deployment, executions)),
    ]
    return sum(_delete_objects(deployment, "ImagesBucket", prefix) for prefix in prefixes)


def _map_runs(deployment: Deployment, executions: Iterable[str]) -> Iterator[str]:
    """Yields the ids of Map Runs, under which Step Functions writes their results."""
    client = deployment.clients("stepfunctions")
    for execution in executions:
        for one in client.list_map_runs(executionArn=execution)["mapRuns"]:
            yield one["mapRunArn"].rpartition(":")[2]


def _evidence(deployment: Deployment, stream: str) -> int:
    return sum(_delete_objects(deployment, "EvidenceBucket", f"{folder}/stream={stream}/") for folder in _EVIDENCE)


def _delete_objects(deployment: Deployment, bucket: str, prefix: str) -> int:
    """Deletes all versions of the objects with a prefix. Returns how many there were."""
    s3, name, count = deployment.clients("s3"), deployment.id_of(bucket), 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name, Prefix=prefix):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        versions = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if versions:
            s3.delete_objects(Bucket=name, Delete={"Objects": versions, "Quiet": True})
        count += len(versions)
    return count


def _sessions(deployment: Deployment, stream: str) -> int:
    pages = (
        deployment.clients("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=deployment.id_of("SessionsTable"),
            KeyConditionExpression="#stream = :stream",
            ExpressionAttributeNames={"#stream": "stream"},
            ExpressionAttributeValues={":stream": {"S": stream}},
            ConsistentRead=True,
        )
    )
    return _delete_items(
        deployment, "SessionsTable", ("stream", "id"), (one for page in pages for one in page["Items"])
    )


def _state(deployment: Deployment, stream: str) -> int:
    """Deletes the documents of the stream, of any kind: their sort key is the stream's name or has its ARN."""
    pages = (
        deployment.clients("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=deployment.id_of("CoordinationTable"),
            FilterExpression="contains(sk, :stream)",
            ProjectionExpression="pk, sk",
            ExpressionAttributeValues={":stream": {"S": stream}},
            ConsistentRead=True,
        )
    )
    own = (one for page in pages for one in page["Items"] if _is_of(stream, one["sk"]["S"]))
    return _delete_items(deployment, "CoordinationTable", ("pk", "sk"), own)


def _is_of(stream: str, key: str) -> bool:
    """Whether a key is a stream's name, or has it or its ARN between separators."""
    return stream in re.split(r"[/#|]", key)


def _delete_items(
    deployment: Deployment, table: str, names: tuple[str, ...], items: Iterator[Mapping[str, Any]]
) -> int:
    client, count = deployment.clients("dynamodb"), 0
    for item in items:
        client.delete_item(TableName=deployment.id_of(table), Key={name: item[name] for name in names})
        count += 1
    return count


DATA: Mapping[str, Callable[[Deployment, str], int]] = {
    "images": _images,
    "evidence": _evidence,
    "sessions": _sessions,
    "state": _state,
}
"""What is deleted, by name. Each returns how many objects or items there were, and raises botocore's errors."""
