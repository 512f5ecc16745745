"""ObjectStore on S3: objects addressed by their S3 URI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.s3.bucket import S3Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Objects:
    """Objects in any bucket that the role may use."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def read(self, uri: str) -> bytes | None:
        """Calls GetObject. Returns None if there is no such object."""
        bucket, key = _split(uri)
        return S3Bucket(self._client, bucket).read(key)

    def write(self, uri: str, body: bytes, content_type: str) -> None:
        """Calls PutObject."""
        bucket, key = _split(uri)
        S3Bucket(self._client, bucket).write(key, body, content_type)


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
