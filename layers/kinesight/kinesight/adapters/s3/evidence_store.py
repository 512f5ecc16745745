"""EvidenceStore on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.errors import DeliveryError, StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3EvidenceStore:
    """One bucket. Writes are conditional, so the first writer of a key wins."""

    def __init__(self, client: S3Client, bucket: str, *, link_seconds: int) -> None:
        """`link_seconds` is the lifetime of links; the role's credentials may end it earlier."""
        self._bucket = S3Bucket(client, bucket)
        self._link_seconds = link_seconds

    def exists(self, key: str) -> bool:
        """Calls HeadObject."""
        return self._bucket.head(key) is not None

    def write_once(self, key: str, body: bytes, content_type: str) -> bool:
        """Calls PutObject with If-None-Match. A concurrent write of the key (409) is a transient error."""
        try:
            return self._bucket.write_if(key, body, content_type, etag=None) is not None
        except StorageBusyError as error:
            raise DeliveryError(str(error)) from error

    def link(self, key: str) -> str:
        """Returns a presigned GET URL."""
        return self._bucket.link(key, self._link_seconds)
