"""EvidenceReader on S3: what the viewer reads of a bucket."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, is_absent, translate
from kinesight.domain.errors import EvidenceTooLargeError, KinesightError, StorageBusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_COPIES_AT_ONCE = 32
_LARGEST_BYTES = 64 * 1024 * 1024
"""KVS lets a fragment have 50 MB, and nothing else is as large; what is read is held in memory."""

_SHOWN = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4"}
"""What a browser may show. Everything else is saved to a file, so that nothing is run in the bucket's origin."""

_SAVED = {".mkv": "video/x-matroska", ".zip": "application/zip", ".json": "application/json"}


class S3EvidenceReader:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str, *, link_seconds: int) -> None:
        """`link_seconds`: how long links live; never longer than the role's own credentials do."""
        self._client = client
        self._bucket = bucket
        self._link_seconds = link_seconds

    def sizes_between(self, prefix: str, first: str, last: str, most: int) -> Mapping[str, int]:
        """Lists from `first` on, a thousand keys at a time, until one is past `last`."""
        found: dict[str, int] = {}
        # S3 begins after the key that it is given; there is none between this one and `first`.
        start = first[:-1]
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, StartAfter=start
            )
            for page in pages:
                for one in page.get("Contents", []):
                    if one["Key"] > last or len(found) == most:
                        return found
                    if one["Key"] >= first:
                        found[one["Key"]] = one["Size"]
        except AWS_ERRORS as error:
            raise _busy(error, f"list {prefix}") from error
        return found

    def read(self, key: str) -> bytes | None:
        """One GetObject; needs s3:ListBucket besides, without it S3 answers 403 for absent keys."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            if answer["ContentLength"] > _LARGEST_BYTES:
                raise EvidenceTooLargeError(f"{key} has {answer['ContentLength']} bytes, more than evidence ever has")
            return answer["Body"].read()
        except AWS_ERRORS as error:
            if is_absent(error):
                return None
            raise _busy(error, f"read {key}") from error

    def each(self, keys: Iterable[str], ahead: int) -> Iterator[tuple[str, bytes | None]]:
        """One GetObject each, `ahead` of them side by side."""
        waiting: deque[tuple[str, Future[bytes | None]]] = deque()
        with ThreadPoolExecutor(max_workers=ahead) as pool:
            for key in keys:
                if len(waiting) == ahead:
                    asked, body = waiting.popleft()
                    yield asked, body.result()
                waiting.append((key, pool.submit(self.read, key)))
            while waiting:
                asked, body = waiting.popleft()
                yield asked, body.result()

    def link(self, key: str) -> str:
        """A presigned GET. What it answers with is signed too: a type of ours, whatever the object says of itself."""
        suffix = PurePosixPath(key).suffix
        asked = {"Bucket": self._bucket, "Key": key}
        if suffix in _SHOWN:
            asked |= {"ResponseContentType": _SHOWN[suffix], "ResponseContentDisposition": "inline"}
        else:
            saved = _SAVED.get(suffix, "application/octet-stream")
            asked |= {"ResponseContentType": saved, "ResponseContentDisposition": "attachment"}
        return self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=self._link_seconds)

    def copy(self, keys: Sequence[str], folder: str, bucket: str | None = None) -> None:
        """One CopyObject each, side by side. An object of over 5 GB can't be copied so; none is."""
        source = bucket or self._bucket
        with ThreadPoolExecutor(max_workers=_COPIES_AT_ONCE) as pool:
            list(pool.map(lambda key: self._copy(source, key, folder + key), keys))

    def _copy(self, source: str, key: str, copy: str) -> None:
        try:
            self._client.copy_object(Bucket=self._bucket, Key=copy, CopySource={"Bucket": source, "Key": key})
        except AWS_ERRORS as error:
            if not is_absent(error):
                raise _busy(error, f"copy {key}") from error

    def remove(self, folder: str) -> None:
        """Lists and deletes, a thousand at a time."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder)
            for page in pages:
                found: list[ObjectIdentifierTypeDef] = [{"Key": one["Key"]} for one in page.get("Contents", [])]
                if found:
                    self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": found, "Quiet": True})
        except AWS_ERRORS as error:
            raise _busy(error, f"remove {folder}") from error


def _busy(error: Exception, what: str) -> KinesightError:
    return translate(error, what, passing=StorageBusyError, lasting=StorageBusyError)
