"""ObjectStore on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, is_absent, translate
from kinesight.domain.errors import StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Objects:
    """Any bucket that the role may use."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def read(self, uri: str) -> bytes | None:
        """One GetObject; needs s3:ListBucket besides, without it S3 answers 403 for absent keys."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except AWS_ERRORS as error:
            if is_absent(error):
                return None
            raise translate(error, f"get {uri}", passing=StorageBusyError, lasting=StorageBusyError) from error

    def write(self, uri: str, body: bytes, content_type: str) -> None:
        """One PutObject."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
        except AWS_ERRORS as error:
            raise translate(error, f"put {uri}", passing=StorageBusyError, lasting=StorageBusyError) from error
