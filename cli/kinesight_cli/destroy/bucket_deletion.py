"""Empties a bucket, old versions included, and deletes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from kinesight_cli.shared.errors import CommandError

_PASSES = 3
"""KVS may write an image while the bucket is emptied."""


class BucketDeletionError(CommandError):
    """Objects of a bucket could not be deleted."""


def delete_bucket(client: Any, name: str, account_id: str, update: Callable[[int], None]) -> int:
    """Deletes all versions of all objects, unfinished uploads, and the bucket. Returns the number of versions.

    `update` gets how many are deleted so far. Raises BucketDeletionError; every call expects the account as the owner.
    """
    owned = {"Bucket": name, "ExpectedBucketOwner": account_id}
    deleted = 0
    for attempt in range(1, _PASSES + 1):
        _abort_uploads(client, owned)
        for versions in _pages_of_versions(client, owned):
            _delete(client, owned, versions)
            deleted += len(versions)
            update(deleted)
        try:
            client.delete_bucket(**owned)
        except ClientError as error:
            if error.response["Error"].get("Code") != "BucketNotEmpty" or attempt == _PASSES:
                raise
        else:
            break
    return deleted


def _abort_uploads(client: Any, owned: dict[str, str]) -> None:
    for page in client.get_paginator("list_multipart_uploads").paginate(**owned):
        for one in page.get("Uploads", []):
            client.abort_multipart_upload(**owned, Key=one["Key"], UploadId=one["UploadId"])


def _pages_of_versions(client: Any, owned: dict[str, str]) -> Iterator[list[dict[str, str]]]:
    """Yields at most 1,000 versions and delete markers at a time, as DeleteObjects takes them."""
    for page in client.get_paginator("list_object_versions").paginate(**owned):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def _delete(client: Any, owned: dict[str, str], versions: list[dict[str, str]]) -> None:
    response = client.delete_objects(**owned, Delete={"Objects": versions, "Quiet": True})
    refused = response.get("Errors", [])
    if refused:
        first = refused[0]
        raise BucketDeletionError(
            f"S3 did not delete {len(refused)} objects of {owned['Bucket']}, the first is {first.get('Key')}: "
            f"{first.get('Code')} {first.get('Message', '')}. Grant s3:DeleteObjectVersion, or remove what holds them, "
            "and run the command again"
        )
