"""Client for one S3 bucket. Implements WorkStore and FileStore, and is what every other adapter over S3 builds on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.exceptions import S3UploadFailedError

from kinesight.adapters.aws.errors import ABSENT, AWS_ERRORS, error_code, translate
from kinesight.domain.errors import EvidenceTooLargeError, StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectIdentifierTypeDef

PRECONDITION_FAILED = frozenset({"PreconditionFailed", "412"})
CONFLICT = frozenset({"ConditionalRequestConflict", "409"})
"""Another conditional write of the same key was in progress."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Body and ETag (without quotes) of an object."""

    body: bytes
    etag: str


class S3Bucket:
    """Reads, writes, lists, copies, deletes and links objects of one bucket.

    Every method raises StorageBusyError if S3 fails or refuses the call: permissions may be granted later, so a refusal
    is retried as well. Reading needs s3:ListBucket besides s3:GetObject; without it S3 returns 403 for absent keys.
    """

    def __init__(self, client: S3Client, bucket: str, *, absent: frozenset[str] = ABSENT) -> None:
        """`absent` are the error codes that mean "no such object"."""
        self._client = client
        self._name = bucket
        self._absent_codes = absent

    @property
    def bucket(self) -> str:
        return self._name

    def head(self, key: str) -> HeadObjectOutputTypeDef | None:
        """Calls HeadObject. Returns None if there is no such object."""
        with _storage_errors(f"head {key}"):
            try:
                return self._client.head_object(Bucket=self._name, Key=key)
            except AWS_ERRORS as error:
                if self._is_absent(error):
                    return None
                raise

    def read(self, key: str) -> bytes | None:
        """Calls GetObject. Returns None if there is no such object."""
        found = self.read_object(key)
        return None if found is None else found.body

    def read_object(self, key: str, *, largest_bytes: int | None = None) -> StoredObject | None:
        """Calls GetObject. Returns None if there is no such object. Raises EvidenceTooLargeError beyond the limit."""
        with _storage_errors(f"get {key}"):
            try:
                response = self._client.get_object(Bucket=self._name, Key=key)
                if largest_bytes is not None and response["ContentLength"] > largest_bytes:
                    size = response["ContentLength"]
                    raise EvidenceTooLargeError(f"{key} has {size} bytes; the limit is {largest_bytes}")
                return StoredObject(response["Body"].read(), response["ETag"].strip('"'))
            except AWS_ERRORS as error:
                if self._is_absent(error):
                    return None
                raise

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """Calls PutObject."""
        with _storage_errors(f"put {key}"):
            self._client.put_object(Bucket=self._name, Key=key, Body=body, ContentType=content_type)

    def write_uncached(self, key: str, body: bytes, content_type: str) -> None:
        """Calls PutObject with Cache-Control: no-cache, so that caches revalidate the object on each request."""
        with _storage_errors(f"put {key}"):
            self._client.put_object(
                Bucket=self._name, Key=key, Body=body, ContentType=content_type, CacheControl="no-cache"
            )

    def write_if(
        self,
        key: str,
        body: bytes,
        content_type: str,
        *,
        etag: str | None,
        refusals: frozenset[str] = PRECONDITION_FAILED,
    ) -> str | None:
        """Writes the object if it still has this ETag, or if it does not exist yet (`etag` None).

        Returns the new ETag, or None if S3 refused the write with one of the error codes in `refusals`.
        """
        put = partial(self._client.put_object, Bucket=self._name, Key=key, Body=body, ContentType=content_type)
        with _storage_errors(f"put {key}"):
            try:
                response = put(IfNoneMatch="*") if etag is None else put(IfMatch=etag)
                return response["ETag"].strip('"')
            except AWS_ERRORS as error:
                if error_code(error) in refusals:
                    return None
                raise

    def upload(self, path: Path, key: str, content_type: str) -> None:
        """Uploads a file in parts of 8 MB if it is large. Aborts a failed multipart upload, so no parts are billed."""
        with _storage_errors(f"put {key}"):
            self._client.upload_file(str(path), self._name, key, ExtraArgs={"ContentType": content_type})

    def download(self, key: str, path: Path) -> None:
        """Downloads to a file, by ranges if the object is large."""
        with _storage_errors(f"get {key}"):
            self._client.download_file(self._name, key, str(path))

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[tuple[str, int]]:
        """Yields key and size in key order, from the first key behind `after`. Calls ListObjectsV2 per 1,000 keys."""
        with _storage_errors(f"list {prefix or 'the bucket'}"):
            pages = self._client.get_paginator("list_objects_v2").paginate
            found = (
                pages(Bucket=self._name, Prefix=prefix, StartAfter=after)
                if after
                else pages(Bucket=self._name, Prefix=prefix)
            )
            for page in found:
                yield from ((one["Key"], one["Size"]) for one in page.get("Contents", []))

    def copy(self, key: str, target_key: str, source_bucket: str) -> bool:
        """Copies an object of at most 5 GB into this bucket with CopyObject. Returns False if it does not exist."""
        with _storage_errors(f"copy {key}"):
            try:
                self._client.copy_object(
                    Bucket=self._name, Key=target_key, CopySource={"Bucket": source_bucket, "Key": key}
                )
            except AWS_ERRORS as error:
                if self._is_absent(error):
                    return False
                raise
        return True

    def delete(self, key: str) -> None:
        """Calls DeleteObject; an absent key is no error."""
        with _storage_errors(f"delete {key}"):
            self._client.delete_object(Bucket=self._name, Key=key)

    def delete_below(self, prefix: str) -> None:
        """Lists and deletes all keys with the prefix, 1,000 per call."""
        with _storage_errors(f"delete {prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            for page in pages:
                found: list[ObjectIdentifierTypeDef] = [{"Key": one["Key"]} for one in page.get("Contents", [])]
                if found:
                    self._client.delete_objects(Bucket=self._name, Delete={"Objects": found, "Quiet": True})

    def link(self, key: str, seconds: int, **response_headers: str) -> str:
        """Returns a presigned GET URL. `response_headers` such as ResponseContentType are part of the signature.

        The link expires after `seconds`, and never outlives the role's credentials.
        """
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._name, "Key": key, **response_headers}, ExpiresIn=seconds
        )

    def _is_absent(self, error: Exception) -> bool:
        return error_code(error) in self._absent_codes


@contextmanager
def _storage_errors(what: str) -> Iterator[None]:
    try:
        yield
    except S3UploadFailedError as error:
        raise StorageBusyError(f"{what}: {error}") from error
    except AWS_ERRORS as error:
        raise translate(error, what, transient=StorageBusyError, permanent=StorageBusyError) from error
