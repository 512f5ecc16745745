"""Fragments: bytes in files, everything else in an index (sqlite). What was persisted survives a kill."""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Literal

from kinesight_local.kvs.ingest import IngestedFragment

Clock = Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fragments (
    stream_arn TEXT NOT NULL, number TEXT NOT NULL, producer_ms INTEGER NOT NULL, server_ms INTEGER NOT NULL,
    length_ms INTEGER NOT NULL, header_bytes INTEGER NOT NULL, cluster_bytes INTEGER NOT NULL, path TEXT NOT NULL,
    PRIMARY KEY (stream_arn, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_producer_time ON fragments (stream_arn, producer_ms);
CREATE INDEX IF NOT EXISTS by_server_time ON fragments (stream_arn, server_ms);
"""
_COLUMNS = "number, producer_ms, server_ms, length_ms, header_bytes, cluster_bytes, path"


@dataclass(frozen=True, slots=True)
class StoredFragment:
    """A row of the index; times are epoch milliseconds."""

    number: str
    producer_ms: int
    server_ms: int
    length_ms: int
    header_bytes: int
    cluster_bytes: int
    path: str


class FragmentStore:
    """All streams' fragments under one folder."""

    def __init__(self, folder: Path, index: sqlite3.Connection, lock: RLock, *, now_ms: Callable[[], int]) -> None:
        self._folder = folder
        self._index = index
        self._lock = lock
        self._now_ms = now_ms
        self._counters: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        with lock:
            index.executescript(_SCHEMA)

    def add(self, stream_arn: str, fragment: IngestedFragment, producer_ms: int) -> StoredFragment:
        """Persists a fragment under a new number; it is in the index only when its bytes are in their file."""
        with self._lock:
            server_ms = self._now_ms()
            number = _number(self._next_counter(stream_arn), server_ms)
        folder = self._folder / stream_arn.rpartition("/")[2]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}.mkv"
        cluster = fragment.cluster
        with path.with_suffix(".part").open("wb") as file:
            file.write(fragment.header + cluster + b"".join(fragment.trailer))
        path.with_suffix(".part").rename(path)
        stored = StoredFragment(
            number,
            producer_ms,
            server_ms,
            fragment.length_ms,
            len(fragment.header),
            len(cluster),
            str(path.relative_to(self._folder)),
        )
        with self._lock:
            self._index.execute(
                f"INSERT INTO fragments (stream_arn, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                (stream_arn, *_row(stored)),
            )
        return stored

    def find(self, stream_arn: str, number: str, retention_hours: int) -> StoredFragment | None:
        """None if there is no such fragment, or no more."""
        with self._lock:
            row = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? AND number = ?",  # noqa: S608 - a constant
                (stream_arn, number),
            ).fetchone()
        stored = StoredFragment(*row) if row else None
        return stored if stored is not None and stored.server_ms >= self._horizon_ms(retention_hours) else None

    def between(
        self, stream_arn: str, clock: Clock, start_ms: int, end_ms: int, *, retention_hours: int
    ) -> list[StoredFragment]:
        """Fragments that start in the range, both ends included, by number."""
        column = "producer_ms" if clock == "PRODUCER_TIMESTAMP" else "server_ms"
        with self._lock:
            rows = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? AND {column} BETWEEN ? AND ? "  # noqa: S608
                "AND server_ms >= ? ORDER BY number",
                (stream_arn, start_ms, end_ms, self._horizon_ms(retention_hours)),
            ).fetchall()
        return [StoredFragment(*row) for row in rows]

    def parts(self, stored: StoredFragment) -> tuple[bytes, bytes, bytes]:
        """The producer's header, the cluster, and the producer's tags after it."""
        body = (self._folder / stored.path).read_bytes()
        middle = stored.header_bytes + stored.cluster_bytes
        return body[: stored.header_bytes], body[stored.header_bytes : middle], body[middle:]

    def sweep(self, stream_arn: str, retention_hours: int) -> int:
        """Deletes what retention has passed; how many fragments."""
        with self._lock:
            rows = self._index.execute(
                "DELETE FROM fragments WHERE stream_arn = ? AND server_ms < ? RETURNING path",
                (stream_arn, self._horizon_ms(retention_hours)),
            ).fetchall()
        for (path,) in rows:
            with suppress(FileNotFoundError):
                (self._folder / path).unlink()
        return len(rows)

    def _horizon_ms(self, retention_hours: int) -> int:
        return self._now_ms() - retention_hours * 3_600_000

    def _next_counter(self, stream_arn: str) -> int:
        """Fragments in flight count too: the number is taken before the row is written."""
        row = self._index.execute("SELECT MAX(number) FROM fragments WHERE stream_arn = ?", (stream_arn,)).fetchone()
        stored = _counter(row[0]) if row[0] else 0
        self._counters[stream_arn] = max(stored, self._counters.get(stream_arn, 0)) + 1
        return self._counters[stream_arn]


def _row(stored: StoredFragment) -> Iterator[str | int]:
    return (getattr(stored, name.strip()) for name in _COLUMNS.split(","))


def _number(counter: int, server_ms: int) -> str:
    """47 digits: 2^156, a counter from bit 92, the server's milliseconds from bit 28, noise."""
    return str(2**156 + counter * 2**92 + server_ms * 2**28 + secrets.randbelow(2**28))


def _counter(number: str) -> int:
    return (int(number) - 2**156) >> 92
