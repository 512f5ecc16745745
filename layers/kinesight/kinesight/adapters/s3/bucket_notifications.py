"""BucketNotifications: the notification configurations of buckets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import InvalidSettingError, StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_BUCKET = frozenset({"404", "NoSuchBucket"})
_DENIED = frozenset({"403", "AccessDenied"})


class S3BucketNotifications:
    """Every call names the account as the expected owner: S3 denies it for a bucket of another account."""

    def __init__(self, client: S3Client, account_id: str) -> None:
        self._client = client
        self._account_id = account_id

    def region(self, bucket: str) -> str | None:
        """Calls GetBucketLocation, which names no Region for us-east-1 and EU for the oldest buckets of eu-west-1."""
        with _errors(bucket, self._account_id):
            try:
                response = self._client.get_bucket_location(Bucket=bucket, ExpectedBucketOwner=self._account_id)
            except AWS_ERRORS as error:
                if error_code(error) in _NO_BUCKET:
                    return None
                raise
        # The stubs declare a Region always; the service returns null for us-east-1.
        found: Any = response
        region = str(found.get("LocationConstraint") or "us-east-1")
        return "eu-west-1" if region == "EU" else region

    def load(self, bucket: str) -> Mapping[str, Any] | None:
        """Calls GetBucketNotificationConfiguration."""
        with _errors(bucket, self._account_id):
            try:
                response = self._client.get_bucket_notification_configuration(
                    Bucket=bucket, ExpectedBucketOwner=self._account_id
                )
            except AWS_ERRORS as error:
                if error_code(error) in _NO_BUCKET:
                    return None
                raise
        return {name: value for name, value in response.items() if name != "ResponseMetadata"}

    def save(self, bucket: str, configuration: Mapping[str, Any], *, check_destinations: bool) -> None:
        """Calls PutBucketNotificationConfiguration."""
        given: Any = dict(configuration)
        with _errors(bucket, self._account_id):
            self._client.put_bucket_notification_configuration(
                Bucket=bucket,
                NotificationConfiguration=given,
                ExpectedBucketOwner=self._account_id,
                SkipDestinationValidation=not check_destinations,
            )


@contextmanager
def _errors(bucket: str, account_id: str) -> Iterator[None]:
    try:
        yield
    except AWS_ERRORS as error:
        denied = error_code(error) in _DENIED
        why = f" (it is of another account than {account_id}, or its policy denies the role)" if denied else ""
        raise translate(
            error, f"bucket {bucket}{why}", transient=StorageBusyError, permanent=InvalidSettingError
        ) from error
