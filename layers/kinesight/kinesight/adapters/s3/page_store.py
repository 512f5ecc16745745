"""PageStore on S3: the bucket that CloudFront serves the viewer from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.s3.bucket import S3Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3PageStore:
    """One bucket that contains nothing but the page."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._bucket = S3Bucket(client, bucket)

    def names(self) -> set[str]:
        """Calls ListObjectsV2."""
        return {key for key, _ in self._bucket.list()}

    def write(self, name: str, body: bytes, content_type: str) -> None:
        """Calls PutObject. Browsers and CloudFront cache the file but revalidate it, because names never change."""
        self._bucket.write_uncached(name, body, content_type)

    def remove(self, names: set[str]) -> None:
        """Calls DeleteObject per name; a page has few files."""
        for name in sorted(names):
            self._bucket.delete(name)
