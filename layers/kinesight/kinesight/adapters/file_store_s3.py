"""FileStore on S3: parts of 8 MB, so that a file of any size takes little memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from boto3.exceptions import S3UploadFailedError

from kinesight.adapters.aws_errors import AWS_ERRORS, translate
from kinesight.domain.errors import StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Bucket:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def upload(self, path: Path, key: str, content_type: str) -> None:
        """A multipart upload where the file is large; a failed one is ended, not left to be paid for."""
        try:
            self._client.upload_file(str(path), self._bucket, key, ExtraArgs={"ContentType": content_type})
        except AWS_ERRORS + (S3UploadFailedError,) as error:  # noqa: RUF005 - the type checker follows this form alone
            raise StorageBusyError(f"put {key}: {error}") from error

    def download(self, key: str, path: Path) -> None:
        """By ranges where the object is large."""
        try:
            self._client.download_file(self._bucket, key, str(path))
        except AWS_ERRORS as error:
            raise translate(error, f"get {key}", passing=StorageBusyError, lasting=StorageBusyError) from error
