"""Queries the fragments that have not expired.

"Archived" fragments are within the stream's retention. "Readable" ones are those, and the host buffer of a stream
without retention.
"""

from collections.abc import Callable
from typing import Any

from kinesight_local.kvs.storage.fragment_files import FragmentFiles
from kinesight_local.kvs.storage.index import Index
from kinesight_local.kvs.storage.stored_fragment import (
    COLUMNS,
    HOST_BUFFER_MS,
    Clock,
    Selection,
    StoredFragment,
    horizon_ms,
    stored_fragment,
)
from kinesight_local.kvs.storage.streams import Stream


class FragmentReader:
    """Every method may be called from any thread. A stream's retention is that of the argument `stream`."""

    def __init__(self, index: Index, files: FragmentFiles, *, now_ms: Callable[[], int]) -> None:
        self._index = index
        self._now_ms = now_ms
        self._files = files

    def parts(self, stored: StoredFragment) -> tuple[bytes, bytes, bytes]:
        """See FragmentFiles.parts."""
        return self._files.parts(stored)

    def header(self, stored: StoredFragment) -> bytes:
        """See FragmentFiles.header."""
        return self._files.header(stored)

    def find(self, stream: Stream, number: str) -> StoredFragment | None:
        """An archived fragment; None if there is none with this number or it has expired."""
        found = self._select(stream, "number = ? AND archived AND server_ms > ?", number, self._horizon_ms(stream))
        return found[0] if found else None

    def in_range(self, stream: Stream, chosen: Selection, *, most: int) -> list[StoredFragment]:
        """The first `most` archived fragments of a selection in the order of their start; ignores `chosen.after`."""
        column = _column(chosen.clock)
        return self._select(
            stream,
            f"{column} BETWEEN ? AND ? AND archived AND server_ms > ? ORDER BY {column}, number LIMIT ?",
            chosen.start_ms,
            chosen.end_ms,
            self._horizon_ms(stream),
            most,
        )

    def page(self, stream: Stream, chosen: Selection, *, size: int) -> list[StoredFragment]:
        """The next `size` archived fragments of a selection, ordered by `place`."""
        return self._select(
            stream,
            f"{_column(chosen.clock)} BETWEEN ? AND ? AND archived AND server_ms > ? AND place > ? "
            "ORDER BY place LIMIT ?",
            chosen.start_ms,
            chosen.end_ms,
            self._horizon_ms(stream),
            chosen.after,
            size,
        )

    def newest(self, stream: Stream, most: int) -> list[StoredFragment]:
        """The `most` archived fragments that arrived last, in the order of arrival."""
        horizon = self._horizon_ms(stream)
        found = self._select(stream, "archived AND server_ms > ? ORDER BY ordinal DESC LIMIT ?", horizon, most)
        return found[::-1]

    def following(self, stream: Stream, number: str) -> StoredFragment | None:
        """The readable fragment with the next higher number."""
        return self._readable(stream, "number > ? ORDER BY number", number)

    def latest(self, stream: Stream) -> StoredFragment | None:
        """The readable fragment with the highest number."""
        return self._readable(stream, "number > ? ORDER BY number DESC", "")

    def readable(self, stream: Stream, number: str) -> StoredFragment | None:
        """The fragment with this number, if it is readable."""
        return self._readable(stream, "number = ?", number)

    def at(self, stream: Stream, clock: Clock, time_ms: int) -> StoredFragment | None:
        """The readable fragment that contains a time, else the first one that starts after it."""
        column = _column(clock)
        condition = f"{column} + MAX(length_ms, 1) > ? ORDER BY {column}, number"
        return self._readable(stream, condition, time_ms)

    def _readable(self, stream: Stream, condition: str, value: str | int) -> StoredFragment | None:
        found = self._select(
            stream,
            f"server_ms > CASE archived WHEN 1 THEN ? ELSE ? END AND {condition} LIMIT 1",
            self._horizon_ms(stream),
            self._now_ms() - HOST_BUFFER_MS,
            value,
        )
        return found[0] if found else None

    def _select(self, stream: Stream, condition: str, *values: Any) -> list[StoredFragment]:
        """`condition`: the rest of the WHERE clause, and what follows it."""
        statement = f"SELECT {COLUMNS} FROM fragments WHERE stream_arn = ? AND {condition}"  # noqa: S608 - constants
        return [stored_fragment(row) for row in self._index.rows(statement, stream.arn, *values)]

    def _horizon_ms(self, stream: Stream) -> int:
        return horizon_ms(self._now_ms(), stream.retention_hours)


def _column(clock: Clock) -> str:
    return "producer_ms" if clock == "PRODUCER_TIMESTAMP" else "server_ms"
