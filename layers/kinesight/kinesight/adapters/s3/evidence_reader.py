"""EvidenceReader on S3: what the viewer reads from one bucket, and the copies under legal hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kinesight.adapters.s3.bucket import S3Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_COPIES_AT_ONCE = 32
_LARGEST_BYTES = 64 * 1024 * 1024
"""Objects are read into memory. The largest are fragments, of which KVS allows 50 MB."""

_INLINE = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4"}
"""Types that a browser may display. Everything else is downloaded, so that nothing runs in the bucket's origin."""

_ATTACHED = {".mkv": "video/x-matroska", ".zip": "application/zip", ".json": "application/json"}


class S3EvidenceReader:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str, *, link_seconds: int) -> None:
        """`link_seconds` is the lifetime of links; the role's credentials may end it earlier."""
        self._bucket = S3Bucket(client, bucket)
        self._link_seconds = link_seconds

    def sizes_between(self, prefix: str, first: str, last: str, most: int) -> Mapping[str, int]:
        """Lists 1,000 keys per call, until a key is past `last`."""
        found: dict[str, int] = {}
        # StartAfter is exclusive, and no key lies between this one and `first`.
        for key, size in self._bucket.list(prefix, after=first[:-1]):
            if key > last or len(found) == most:
                break
            if key >= first:
                found[key] = size
        return found

    def read(self, key: str) -> bytes | None:
        """Calls GetObject."""
        found = self._bucket.read_object(key, largest_bytes=_LARGEST_BYTES)
        return None if found is None else found.body

    def each(self, keys: Iterable[str], ahead: int) -> Iterator[tuple[str, bytes | None]]:
        """Calls GetObject per key, `ahead` of them in parallel."""
        pending: deque[tuple[str, Future[bytes | None]]] = deque()
        with ThreadPoolExecutor(max_workers=ahead) as pool:
            for key in keys:
                if len(pending) == ahead:
                    oldest, body = pending.popleft()
                    yield oldest, body.result()
                pending.append((key, pool.submit(self.read, key)))
            while pending:
                oldest, body = pending.popleft()
                yield oldest, body.result()

    def link(self, key: str) -> str:
        """Returns a presigned GET URL. It fixes the response's type, whatever type the object was stored with."""
        suffix = PurePosixPath(key).suffix
        shown = suffix in _INLINE
        return self._bucket.link(
            key,
            self._link_seconds,
            ResponseContentType=_INLINE[suffix] if shown else _ATTACHED.get(suffix, "application/octet-stream"),
            ResponseContentDisposition="inline" if shown else "attachment",
        )

    def copy(self, keys: Sequence[str], folder: str, bucket: str | None = None) -> None:
        """Calls CopyObject per key, in parallel. Skips absent keys."""
        source = bucket or self._bucket.bucket
        with ThreadPoolExecutor(max_workers=_COPIES_AT_ONCE) as pool:
            list(pool.map(lambda key: self._bucket.copy(key, folder + key, source), keys))

    def remove(self, folder: str) -> None:
        """Lists and deletes, 1,000 keys per call."""
        self._bucket.delete_below(folder)
