"""ImageStore on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import ImageMissingError, KinesightError, StorageBusyError
from kinesight.domain.model import ImageReference
from kinesight.domain.ports import StoredImage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchBucket"})


class S3ImageStore:
    """Reads objects and their user metadata (an S3 event doesn't carry it)."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def describe(self, bucket: str, key: str) -> StoredImage:
        """One HeadObject."""
        try:
            head = self._client.head_object(Bucket=bucket, Key=key)
        except AWS_ERRORS as error:
            raise _translated(error, f"s3://{bucket}/{key}") from error
        image = ImageReference(
            bucket=bucket,
            key=key,
            content_type=head.get("ContentType", "application/octet-stream"),
            size_bytes=head["ContentLength"],
        )
        return StoredImage(image, {name.lower(): value for name, value in head["Metadata"].items()})

    def read(self, image: ImageReference) -> bytes:
        """One GetObject."""
        try:
            return self._client.get_object(Bucket=image.bucket, Key=image.key)["Body"].read()
        except AWS_ERRORS as error:
            raise _translated(error, f"s3://{image.bucket}/{image.key}") from error


def _translated(error: Exception, address: str) -> KinesightError:
    if isinstance(error, ClientError) and error_code(error) in _GONE:
        return ImageMissingError(f"{address} does not exist (expired or deleted?)")
    # A refusal is retried too: access that a deployment is about to grant would otherwise lose pictures.
    return translate(error, address, passing=StorageBusyError, lasting=StorageBusyError)
