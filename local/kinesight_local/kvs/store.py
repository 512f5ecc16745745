"""Fragments: bytes in files, everything else in an index (sqlite). What was persisted survives a kill."""

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from threading import RLock
from typing import Literal

from kinesight_local.kvs.fragment import IngestedFragment

Clock = Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fragments (
    stream_arn TEXT NOT NULL, number TEXT NOT NULL, producer_ms INTEGER NOT NULL, server_ms INTEGER NOT NULL,
    length_ms INTEGER NOT NULL, header_bytes INTEGER NOT NULL, cluster_bytes INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL, path TEXT NOT NULL, place TEXT NOT NULL,
    PRIMARY KEY (stream_arn, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_producer_time ON fragments (stream_arn, producer_ms);
CREATE INDEX IF NOT EXISTS by_server_time ON fragments (stream_arn, server_ms);
CREATE TABLE IF NOT EXISTS counters (stream_arn TEXT PRIMARY KEY, latest INTEGER NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "number, producer_ms, server_ms, length_ms, header_bytes, cluster_bytes, size_bytes, path, place"
_LAYOUT = 1
"""Goes up with every change of the tables, here or in `streams`."""


class UnreadableStateError(Exception):
    """The data folder was written by another version of the emulator."""


def open_index(path: Path) -> sqlite3.Connection:
    """For several threads under one lock; every statement is its own transaction. Raises UnreadableStateError."""
    is_new = not path.exists()
    index = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    if is_new:
        index.execute(f"PRAGMA user_version={_LAYOUT}")
    (layout,) = index.execute("PRAGMA user_version").fetchone()
    if layout != _LAYOUT:
        index.close()
        raise UnreadableStateError(f"{path} was written by another version (layout {layout}); delete its folder.")
    index.execute("PRAGMA journal_mode=WAL")
    index.execute("PRAGMA synchronous=NORMAL")
    return index


@dataclass(frozen=True, slots=True)
class FragmentIdentity:
    """What a fragment gets when its first bytes arrive: its number, and that moment in epoch milliseconds."""

    number: str
    server_ms: int


@dataclass(frozen=True, slots=True)
class StoredFragment:
    """A row of the index, fields in the order of its columns; times are epoch milliseconds.

    `place`: where it stands in lists. KVS promises no order, so this one has nothing to do with time.
    """

    number: str
    producer_ms: int
    server_ms: int
    length_ms: int
    header_bytes: int
    cluster_bytes: int
    size_bytes: int
    path: str
    place: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Fragments that start in a range of epoch milliseconds, both ends included, behind the place `after`."""

    clock: Clock
    start_ms: int
    end_ms: int
    after: str = ""


class FragmentStore:
    """All streams' fragments under one folder."""

    def __init__(self, folder: Path, index: sqlite3.Connection, lock: RLock, *, now_ms: Callable[[], int]) -> None:
        self._folder = folder
        self._index = index
        self._lock = lock
        self._now_ms = now_ms
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*/*.part"):
            unfinished.unlink()
        with lock:
            index.executescript(_SCHEMA)

    def begin(self, stream_arn: str) -> FragmentIdentity:
        """The next number; it is never given again, whether or not a whole fragment follows."""
        with self._lock:
            (counter,) = self._index.execute(
                "INSERT INTO counters VALUES (?, 1) ON CONFLICT DO UPDATE SET latest = latest + 1 RETURNING latest",
                (stream_arn,),
            ).fetchone()
        server_ms = self._now_ms()
        return FragmentIdentity(_number(counter, server_ms), server_ms)

    def add(self, stream_arn: str, fragment: IngestedFragment, identity: FragmentIdentity) -> StoredFragment:
        """Persists a fragment; it is in the index only when its bytes are in their file. Raises OSError."""
        folder = self._folder / stream_arn.rpartition("/")[2]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{identity.number}.mkv"
        pieces = [fragment.header, fragment.cluster, *fragment.trailer]
        with path.with_suffix(".part").open("wb") as file:
            file.writelines(pieces)
        path.with_suffix(".part").rename(path)
        stored = StoredFragment(
            identity.number,
            fragment.producer_ms,
            identity.server_ms,
            fragment.length_ms,
            len(pieces[0]),
            len(pieces[1]),
            sum(map(len, pieces)),
            str(path.relative_to(self._folder)),
            identity.number[::-1],
        )
        with self._lock:
            self._index.execute(
                f"INSERT INTO fragments (stream_arn, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                (stream_arn, *astuple(stored)),
            )
        return stored

    def find(self, stream_arn: str, number: str, retention_hours: int) -> StoredFragment | None:
        """None if there is no such fragment, or no more."""
        with self._lock:
            row = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? AND number = ? AND server_ms > ?",  # noqa: S608 - a constant
                (stream_arn, number, self._horizon_ms(retention_hours)),
            ).fetchone()
        return StoredFragment(*row) if row else None

    def page(self, stream_arn: str, chosen: Selection, *, retention_hours: int, size: int) -> list[StoredFragment]:
        """The next `size` fragments of a selection, by place."""
        column = "producer_ms" if chosen.clock == "PRODUCER_TIMESTAMP" else "server_ms"
        with self._lock:
            rows = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? AND {column} BETWEEN ? AND ? "  # noqa: S608 - constants
                "AND server_ms > ? AND place > ? ORDER BY place LIMIT ?",
                (
                    stream_arn,
                    chosen.start_ms,
                    chosen.end_ms,
                    self._horizon_ms(retention_hours),
                    chosen.after,
                    size,
                ),
            ).fetchall()
        return [StoredFragment(*row) for row in rows]

    def parts(self, stored: StoredFragment) -> tuple[bytes, bytes, bytes]:
        """The producer's header, the cluster, and the producer's tags after it. Raises FileNotFoundError once swept."""
        body = (self._folder / stored.path).read_bytes()
        middle = stored.header_bytes + stored.cluster_bytes
        return body[: stored.header_bytes], body[stored.header_bytes : middle], body[middle:]

    def sweep(self, stream_arn: str, retention_hours: int) -> int:
        """Deletes what retention has passed; how many fragments."""
        return self._delete(stream_arn, self._horizon_ms(retention_hours))

    def drop(self, stream_arn: str) -> None:
        """Deletes all of a stream, its numbering included."""
        self._delete(stream_arn, 2**62)
        with self._lock:
            self._index.execute("DELETE FROM counters WHERE stream_arn = ?", (stream_arn,))
        with suppress(OSError):  # a fragment that is being written keeps the folder; its writer drops it again
            (self._folder / stream_arn.rpartition("/")[2]).rmdir()

    def _delete(self, stream_arn: str, until_server_ms: int) -> int:
        with self._lock:
            rows = self._index.execute(
                "DELETE FROM fragments WHERE stream_arn = ? AND server_ms <= ? RETURNING path",
                (stream_arn, until_server_ms),
            ).fetchall()
        for (path,) in rows:
            (self._folder / path).unlink(missing_ok=True)
        return len(rows)

    def _horizon_ms(self, retention_hours: int) -> int:
        return self._now_ms() - retention_hours * 3_600_000


def _number(counter: int, server_ms: int) -> str:
    """47 digits: 2^156, a counter from bit 92, the server's milliseconds from bit 28, noise.

    The same width always, so their order as text is their order as numbers.
    """
    return str(2**156 + counter * 2**92 + server_ms * 2**28 + secrets.randbelow(2**28))
