"""Adds fragments and deletes expired ones."""

import secrets
from collections.abc import Callable
from dataclasses import astuple, replace

from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.storage.fragment_files import FragmentFiles
from kinesight_local.kvs.storage.index import Index
from kinesight_local.kvs.storage.stored_fragment import (
    COLUMNS,
    HOST_BUFFER_BYTES,
    HOST_BUFFER_MS,
    FragmentIdentity,
    StoredFragment,
    horizon_ms,
)


class FragmentStore:
    """All streams' fragments."""

    def __init__(self, index: Index, files: FragmentFiles, *, now_ms: Callable[[], int]) -> None:
        self._index = index
        self._files = files
        self._now_ms = now_ms

    def begin(self, stream_arn: str) -> FragmentIdentity:
        """Returns the next number. It is never assigned again, even if the fragment never becomes complete."""
        rows = self._index.rows(
            "INSERT INTO counters VALUES (?, 1, 0) ON CONFLICT DO UPDATE SET latest = latest + 1 RETURNING latest",
            stream_arn,
        )
        server_ms = self._now_ms()
        return FragmentIdentity(_number(rows[0][0], server_ms), server_ms)

    def add(
        self, stream_arn: str, fragment: IngestedFragment, identity: FragmentIdentity, *, archived: bool
    ) -> StoredFragment:
        """Writes the file, then the row: a row without a complete file never exists. Raises OSError."""
        pieces = [fragment.header, fragment.cluster, *fragment.trailer]
        path = self._files.write(stream_arn, identity.number, pieces)
        added = StoredFragment(
            identity.number,
            fragment.producer_ms,
            identity.server_ms,
            fragment.length_ms,
            len(pieces[0]),
            len(pieces[1]),
            sum(map(len, pieces)),
            path,
            identity.number[::-1],
            archived,
            0,
        )
        with self._index.transaction():
            added = replace(added, ordinal=self._next_ordinal(stream_arn))
            self._index.rows(
                f"INSERT INTO fragments (stream_arn, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                stream_arn,
                *astuple(added),
            )
        if not archived:
            self._shrink_host_buffer(stream_arn)
        return added

    def sweep(self, stream_arn: str, retention_hours: int) -> int:
        """Deletes expired fragments from the archive and the host buffer; returns their number."""
        oldest_ms = horizon_ms(self._now_ms(), retention_hours)
        swept = self._delete(stream_arn, "archived AND server_ms <= ?", oldest_ms)
        return swept + self._delete(stream_arn, "NOT archived AND server_ms <= ?", self._now_ms() - HOST_BUFFER_MS)

    def drop(self, stream_arn: str) -> None:
        """Deletes everything of a stream, including its counters."""
        self._delete(stream_arn, "server_ms < ?", 2**62)
        with self._index.lock:
            self._index.rows("DELETE FROM counters WHERE stream_arn = ?", stream_arn)
            self._index.rows("DELETE FROM deliveries WHERE stream_arn = ?", stream_arn)
        self._files.delete_folder(stream_arn)

    def _next_ordinal(self, stream_arn: str) -> int:
        rows = self._index.rows(
            "INSERT INTO counters VALUES (?, 0, 1) ON CONFLICT DO UPDATE SET kept = kept + 1 RETURNING kept",
            stream_arn,
        )
        return int(rows[0][0])

    def _shrink_host_buffer(self, stream_arn: str) -> None:
        """Deletes the oldest fragments until the rest fits."""
        newest_too_old = self._index.row(
            "SELECT number FROM (SELECT number, SUM(size_bytes) OVER (ORDER BY number DESC) AS held FROM fragments "
            "WHERE stream_arn = ? AND NOT archived) WHERE held > ? ORDER BY number DESC LIMIT 1",
            stream_arn,
            HOST_BUFFER_BYTES,
        )
        if newest_too_old is not None:
            self._delete(stream_arn, "NOT archived AND number <= ?", newest_too_old[0])
        self._delete(stream_arn, "NOT archived AND server_ms <= ?", self._now_ms() - HOST_BUFFER_MS)

    def _delete(self, stream_arn: str, condition: str, value: int | str) -> int:
        statement = f"DELETE FROM fragments WHERE stream_arn = ? AND {condition} RETURNING path"  # noqa: S608 - constants
        rows = self._index.rows(statement, stream_arn, value)
        for (path,) in rows:
            self._files.delete(path)
        return len(rows)


def _number(counter: int, server_ms: int) -> str:
    """47 digits: 2^156, a counter from bit 92, the server's milliseconds from bit 28, random bits.

    The width is constant, so that text order equals numeric order.
    """
    return str(2**156 + counter * 2**92 + server_ms * 2**28 + secrets.randbelow(2**28))
