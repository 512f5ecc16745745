"""PageStore on S3: a bucket that CloudFront serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, translate
from kinesight.domain.errors import KinesightError, StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3PageStore:
    """One bucket with nothing else in it."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def names(self) -> set[str]:
        """Lists a thousand at a time."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
            return {one["Key"] for page in pages for one in page.get("Contents", [])}
        except AWS_ERRORS as error:
            raise _busy(error, "list the page") from error

    def write(self, name: str, body: bytes, content_type: str) -> None:
        """Browsers and CloudFront keep a file, but ask each time whether it is still the same: names never change."""
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=name, Body=body, ContentType=content_type, CacheControl="no-cache"
            )
        except AWS_ERRORS as error:
            raise _busy(error, f"write {name}") from error

    def remove(self, names: set[str]) -> None:
        """One DeleteObject each; a page has a handful of files."""
        for name in sorted(names):
            try:
                self._client.delete_object(Bucket=self._bucket, Key=name)
            except AWS_ERRORS as error:
                raise _busy(error, f"remove {name}") from error


def _busy(error: Exception, what: str) -> KinesightError:
    return translate(error, what, passing=StorageBusyError, lasting=StorageBusyError)
