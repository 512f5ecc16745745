"""RulesFile on S3, with conditional writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, is_absent, translate
from kinesight.domain.errors import KinesightError, StorageBusyError
from kinesight.domain.viewer.rules import TaggedText

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHANGED = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


class S3RulesFile:
    """One object. S3's ETag is its tag."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key

    def read(self) -> TaggedText | None:
        """One GetObject; needs s3:ListBucket besides, without it S3 answers 403 for absent keys."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key)
            return TaggedText(answer["Body"].read().decode(errors="replace"), answer["ETag"].strip('"'))
        except AWS_ERRORS as error:
            if is_absent(error):
                return None
            raise _busy(error, f"get {self._key}") from error

    def replace(self, text: str, seen: str | None) -> str | None:
        """One PutObject with If-Match, or If-None-Match for the first one."""
        try:
            if seen is None:
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._key,
                    Body=text.encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            else:
                answer = self._client.put_object(
                    Bucket=self._bucket, Key=self._key, Body=text.encode(), ContentType="application/json", IfMatch=seen
                )
        except AWS_ERRORS as error:
            if is_absent(error) or error_code(error) in _CHANGED:
                return None
            raise _busy(error, f"put {self._key}") from error
        return answer["ETag"].strip('"')


def _busy(error: Exception, what: str) -> KinesightError:
    return translate(error, what, passing=StorageBusyError, lasting=StorageBusyError)
