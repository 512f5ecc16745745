"""EvidenceStore on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, is_absent, translate
from kinesight.domain.errors import DeliveryError, StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PRESENT = frozenset({"PreconditionFailed", "412"})


class S3EvidenceStore:
    """One bucket, written with conditional puts (If-None-Match), so the first writer of a key wins."""

    def __init__(self, client: S3Client, bucket: str, *, link_seconds: int) -> None:
        """`link_seconds`: how long links live; never longer than the role's own credentials do."""
        self._client = client
        self._bucket = bucket
        self._link_seconds = link_seconds

    def exists(self, key: str) -> bool:
        """One HeadObject; needs s3:ListBucket besides s3:GetObject, without it S3 answers 403 for absent keys."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except AWS_ERRORS as error:
            if is_absent(error):
                return False
            raise translate(error, f"head {key}", passing=StorageBusyError, lasting=StorageBusyError) from error
        return True

    def write_once(self, key: str, body: bytes, content_type: str) -> bool:
        """One PutObject. A conflicting write at the same moment (409) is retried as any passing failure."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*")
        except AWS_ERRORS as error:
            if error_code(error) in _PRESENT:
                return False
            raise translate(error, f"put {key}", passing=DeliveryError, lasting=DeliveryError) from error
        return True

    def link(self, key: str) -> str:
        """A presigned GET."""
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=self._link_seconds
        )
