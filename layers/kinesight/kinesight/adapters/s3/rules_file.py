"""RulesFile on S3, with conditional writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import ABSENT
from kinesight.adapters.s3.bucket import CONFLICT, PRECONDITION_FAILED, S3Bucket
from kinesight.domain.viewer.rules import TaggedText

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHANGED = PRECONDITION_FAILED | CONFLICT | ABSENT


class S3RulesFile:
    """One object; its S3 ETag is the tag."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._bucket = S3Bucket(client, bucket)
        self._key = key

    def read(self) -> TaggedText | None:
        """Calls GetObject."""
        found = self._bucket.read_object(self._key)
        return None if found is None else TaggedText(found.body.decode(errors="replace"), found.etag)

    def replace(self, text: str, seen: str | None) -> str | None:
        """Calls PutObject with If-Match, or with If-None-Match for the first version."""
        return self._bucket.write_if(self._key, text.encode(), "application/json", etag=seen, refusals=_CHANGED)
