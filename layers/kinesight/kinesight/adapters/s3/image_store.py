"""ImageStore on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import ABSENT
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.errors import EvidenceTooLargeError, ImageMissingError, UnsupportedImageError
from kinesight.domain.model import ImageReference
from kinesight.domain.ports import LARGEST_IMAGE_BYTES, StoredImage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = ABSENT | {"NoSuchBucket"}


class S3ImageStore:
    """Images in any bucket, with their user metadata (an S3 event does not contain it)."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def describe(self, bucket: str, key: str) -> StoredImage:
        """Calls HeadObject."""
        head = S3Bucket(self._client, bucket, absent=_GONE).head(key)
        if head is None:
            raise _missing(bucket, key)
        image = ImageReference(
            bucket=bucket,
            key=key,
            content_type=head.get("ContentType", "application/octet-stream"),
            size_bytes=head["ContentLength"],
        )
        return StoredImage(image, {name.lower(): value for name, value in head["Metadata"].items()})

    def read(self, image: ImageReference) -> bytes:
        """Calls GetObject. Reads no body that is too large by HeadObject or by GetObject's own headers."""
        if image.size_bytes > LARGEST_IMAGE_BYTES:
            raise _too_large(image, f"it has {image.size_bytes} bytes; the limit is {LARGEST_IMAGE_BYTES}")
        try:
            bucket = S3Bucket(self._client, image.bucket, absent=_GONE)
            found = bucket.read_object(image.key, largest_bytes=LARGEST_IMAGE_BYTES)
        except EvidenceTooLargeError as error:
            raise _too_large(image, str(error)) from error
        if found is None:
            raise _missing(image.bucket, image.key)
        return found.body


def _too_large(image: ImageReference, why: str) -> UnsupportedImageError:
    return UnsupportedImageError(f"cannot read s3://{image.bucket}/{image.key} as an image: {why}")


def _missing(bucket: str, key: str) -> ImageMissingError:
    return ImageMissingError(f"s3://{bucket}/{key} does not exist (expired or deleted?)")
