"""WorkStore on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, is_absent, translate
from kinesight.domain.errors import StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Bucket:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        return self._bucket

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """One PutObject."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)
        except AWS_ERRORS as error:
            raise translate(error, f"put {key}", passing=StorageBusyError, lasting=StorageBusyError) from error

    def read(self, key: str) -> bytes | None:
        """One GetObject; needs s3:ListBucket besides, without it S3 answers 403 for absent keys."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except AWS_ERRORS as error:
            if is_absent(error):
                return None
            raise translate(error, f"get {key}", passing=StorageBusyError, lasting=StorageBusyError) from error
