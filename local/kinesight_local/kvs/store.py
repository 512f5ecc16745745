"""Fragments: bytes in files, everything else in an index (sqlite). What was persisted survives a kill."""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Any, Literal

from kinesight_local.kvs.fragment import IngestedFragment

Clock = Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fragments (
    stream_arn TEXT NOT NULL, number TEXT NOT NULL, producer_ms INTEGER NOT NULL, server_ms INTEGER NOT NULL,
    length_ms INTEGER NOT NULL, header_bytes INTEGER NOT NULL, cluster_bytes INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL, path TEXT NOT NULL, place TEXT NOT NULL, archived INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (stream_arn, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    stream_arn TEXT NOT NULL, number TEXT NOT NULL, asked TEXT NOT NULL, PRIMARY KEY (stream_arn, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_producer_time ON fragments (stream_arn, producer_ms);
CREATE INDEX IF NOT EXISTS by_arrival ON fragments (stream_arn, ordinal);
CREATE INDEX IF NOT EXISTS by_server_time ON fragments (stream_arn, server_ms);
CREATE TABLE IF NOT EXISTS counters (
    stream_arn TEXT PRIMARY KEY, latest INTEGER NOT NULL, kept INTEGER NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = (
    "number, producer_ms, server_ms, length_ms, header_bytes, cluster_bytes, size_bytes, path, place, archived, ordinal"
)
_LAYOUT = 2
"""Goes up with every change of the tables, here or in `streams`."""
_MIGRATIONS = {
    1: """
        ALTER TABLE fragments ADD COLUMN archived INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE fragments ADD COLUMN ordinal INTEGER NOT NULL DEFAULT 0;
        UPDATE fragments SET ordinal = (SELECT COUNT(*) FROM fragments AS earlier
            WHERE earlier.stream_arn = fragments.stream_arn AND earlier.number <= fragments.number);
        ALTER TABLE counters ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
        UPDATE counters SET kept = latest;
    """
}
"""By the layout that they lead on from."""

HOST_BUFFER_MS = 300_000
HOST_BUFFER_BYTES = 200 * 1024 * 1024
"""What consumers can still read of a stream without retention (API_CreateStream, DataRetentionInHours)."""


class UnreadableStateError(Exception):
    """The data folder was written by another version of the emulator."""


def open_index(path: Path) -> sqlite3.Connection:
    """For several threads under one lock; every statement is its own transaction. Raises UnreadableStateError."""
    is_new = not path.exists()
    index = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    if is_new:
        index.execute(f"PRAGMA user_version={_LAYOUT}")
    (layout,) = index.execute("PRAGMA user_version").fetchone()
    while layout in _MIGRATIONS:
        index.executescript(f"BEGIN; {_MIGRATIONS[layout]}; PRAGMA user_version={layout + 1}; COMMIT")
        layout += 1
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
    archived: bool
    """False for what lies in the host buffer of a stream without retention."""
    ordinal: int
    """Counts what was kept of the stream, without holes, in the order of arrival."""

    def starts_ms(self, clock: Clock) -> int:
        """Its start by either clock, in epoch milliseconds."""
        return self.producer_ms if clock == "PRODUCER_TIMESTAMP" else self.server_ms


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
                "INSERT INTO counters VALUES (?, 1, 0) ON CONFLICT DO UPDATE SET latest = latest + 1 RETURNING latest",
                (stream_arn,),
            ).fetchone()
        server_ms = self._now_ms()
        return FragmentIdentity(_number(counter, server_ms), server_ms)

    def add(
        self, stream_arn: str, fragment: IngestedFragment, identity: FragmentIdentity, *, archived: bool
    ) -> StoredFragment:
        """Keeps a fragment; it is in the index only when its bytes are in their file. Raises OSError."""
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
            archived,
            0,
        )
        with self._lock, self._transaction():
            stored = replace(stored, ordinal=self._next_ordinal(stream_arn))
            self._index.execute(
                f"INSERT INTO fragments (stream_arn, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                (stream_arn, *astuple(stored)),
            )
        if not archived:
            self._shrink_host_buffer(stream_arn)
        return stored

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._index.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._index.execute("ROLLBACK")
            raise
        self._index.execute("COMMIT")

    def _next_ordinal(self, stream_arn: str) -> int:
        (ordinal,) = self._index.execute(
            "INSERT INTO counters VALUES (?, 0, 1) ON CONFLICT DO UPDATE SET kept = kept + 1 RETURNING kept",
            (stream_arn,),
        ).fetchone()
        return int(ordinal)

    def owe(self, stream_arn: str, number: str, asked: str) -> None:
        """Remembers, over restarts, what is still to be delivered for a fragment."""
        with self._lock:
            self._index.execute("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?)", (stream_arn, number, asked))

    def settle(self, stream_arn: str, number: str) -> None:
        """Nothing is owed for this fragment any more."""
        with self._lock:
            self._index.execute("DELETE FROM deliveries WHERE stream_arn = ? AND number = ?", (stream_arn, number))

    def owed(self) -> list[tuple[str, str, str]]:
        """(stream, number, what was asked) in the order of arrival."""
        with self._lock:
            return self._index.execute("SELECT * FROM deliveries ORDER BY number").fetchall()

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Made when first asked for, the same ever after."""
        with self._lock:
            self._index.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, make()))
            return bytes(self._index.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()[0])

    def find(self, stream_arn: str, number: str, retention_hours: int) -> StoredFragment | None:
        """An archived fragment; None if there is no such, or no more."""
        with self._lock:
            row = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? AND number = ? AND archived AND server_ms > ?",  # noqa: S608 - a constant
                (stream_arn, number, self._horizon_ms(retention_hours)),
            ).fetchone()
        return _stored(row) if row else None

    def in_range(self, stream_arn: str, chosen: Selection, *, retention_hours: int, most: int) -> list[StoredFragment]:
        """The first `most` archived fragments of a selection in the order of their start; `after` is not heeded."""
        column = _column(chosen.clock)
        with self._lock:
            rows = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? AND {column} BETWEEN ? AND ? AND archived "  # noqa: S608 - constants
                f"AND server_ms > ? ORDER BY {column}, number LIMIT ?",
                (stream_arn, chosen.start_ms, chosen.end_ms, self._horizon_ms(retention_hours), most),
            ).fetchall()
        return [_stored(row) for row in rows]

    def following(self, stream_arn: str, number: str, retention_hours: int) -> StoredFragment | None:
        """The next readable fragment with a number above this one, from the archive or the host buffer."""
        return self._readable(stream_arn, "number > ? ORDER BY number", number, retention_hours)

    def latest(self, stream_arn: str, retention_hours: int) -> StoredFragment | None:
        """The readable fragment with the highest number."""
        return self._readable(stream_arn, "number > ? ORDER BY number DESC", "", retention_hours)

    def readable(self, stream_arn: str, number: str, retention_hours: int) -> StoredFragment | None:
        """This fragment, if it can be read from the archive or the host buffer."""
        return self._readable(stream_arn, "number = ?", number, retention_hours)

    def newest(self, stream_arn: str, retention_hours: int, most: int) -> list[StoredFragment]:
        """The `most` archived fragments that arrived last, in the order of arrival."""
        with self._lock:
            rows = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? AND archived AND server_ms > ? "  # noqa: S608 - constants
                "ORDER BY ordinal DESC LIMIT ?",
                (stream_arn, self._horizon_ms(retention_hours), most),
            ).fetchall()
        return [_stored(row) for row in reversed(rows)]

    def at(self, stream_arn: str, clock: Clock, moment_ms: int, retention_hours: int) -> StoredFragment | None:
        """The readable fragment that lasts over a moment, else the first that starts after it."""
        column = _column(clock)
        condition = f"{column} + MAX(length_ms, 1) > ? ORDER BY {column}, number"
        return self._readable(stream_arn, condition, moment_ms, retention_hours)

    def _readable(
        self, stream_arn: str, condition: str, value: str | int, retention_hours: int
    ) -> StoredFragment | None:
        since_ms = self._horizon_ms(retention_hours)
        with self._lock:
            row = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? "  # noqa: S608 - constants
                f"AND server_ms > CASE archived WHEN 1 THEN ? ELSE ? END AND {condition} LIMIT 1",
                (stream_arn, since_ms, self._now_ms() - HOST_BUFFER_MS, value),
            ).fetchone()
        return _stored(row) if row else None

    def page(self, stream_arn: str, chosen: Selection, *, retention_hours: int, size: int) -> list[StoredFragment]:
        """The next `size` fragments of a selection, by place."""
        column = _column(chosen.clock)
        with self._lock:
            rows = self._index.execute(
                f"SELECT {_COLUMNS} FROM fragments WHERE stream_arn = ? AND {column} BETWEEN ? AND ? AND archived "  # noqa: S608 - constants
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
        return [_stored(row) for row in rows]

    def parts(self, stored: StoredFragment) -> tuple[bytes, bytes, bytes]:
        """The producer's header, the cluster, and the producer's tags after it. Raises FileNotFoundError once swept."""
        body = (self._folder / stored.path).read_bytes()
        middle = stored.header_bytes + stored.cluster_bytes
        return body[: stored.header_bytes], body[stored.header_bytes : middle], body[middle:]

    def header(self, stored: StoredFragment) -> bytes:
        """The producer's header alone. Raises FileNotFoundError once swept."""
        with (self._folder / stored.path).open("rb") as file:
            return file.read(stored.header_bytes)

    def sweep(self, stream_arn: str, retention_hours: int) -> int:
        """Deletes what retention or the host buffer's age has passed; how many fragments."""
        swept = self._delete(stream_arn, "archived AND server_ms <= ?", self._horizon_ms(retention_hours))
        return swept + self._delete(stream_arn, "NOT archived AND server_ms <= ?", self._now_ms() - HOST_BUFFER_MS)

    def drop(self, stream_arn: str) -> None:
        """Deletes all of a stream, its numbering included."""
        self._delete(stream_arn, "server_ms < ?", 2**62)
        with self._lock:
            self._index.execute("DELETE FROM counters WHERE stream_arn = ?", (stream_arn,))
            self._index.execute("DELETE FROM deliveries WHERE stream_arn = ?", (stream_arn,))
        with suppress(OSError):  # a fragment that is being written keeps the folder; its writer drops it again
            (self._folder / stream_arn.rpartition("/")[2]).rmdir()

    def _shrink_host_buffer(self, stream_arn: str) -> None:
        """Drops the oldest fragments until the rest fits."""
        with self._lock:
            newest_too_old = self._index.execute(
                "SELECT number FROM (SELECT number, SUM(size_bytes) OVER (ORDER BY number DESC) AS held FROM fragments "
                "WHERE stream_arn = ? AND NOT archived) WHERE held > ? ORDER BY number DESC LIMIT 1",
                (stream_arn, HOST_BUFFER_BYTES),
            ).fetchone()
        if newest_too_old is not None:
            self._delete(stream_arn, "NOT archived AND number <= ?", newest_too_old[0])
        self._delete(stream_arn, "NOT archived AND server_ms <= ?", self._now_ms() - HOST_BUFFER_MS)

    def _delete(self, stream_arn: str, condition: str, value: int | str) -> int:
        with self._lock:
            rows = self._index.execute(
                f"DELETE FROM fragments WHERE stream_arn = ? AND {condition} RETURNING path",  # noqa: S608 - constants
                (stream_arn, value),
            ).fetchall()
        for (path,) in rows:
            (self._folder / path).unlink(missing_ok=True)
        return len(rows)

    def _horizon_ms(self, retention_hours: int) -> int:
        return self._now_ms() - retention_hours * 3_600_000


def _column(clock: Clock) -> str:
    return "producer_ms" if clock == "PRODUCER_TIMESTAMP" else "server_ms"


def _stored(row: tuple[Any, ...]) -> StoredFragment:
    return replace(StoredFragment(*row), archived=bool(row[-2]))


def _number(counter: int, server_ms: int) -> str:
    """47 digits: 2^156, a counter from bit 92, the server's milliseconds from bit 28, noise.

    The same width always, so their order as text is their order as numbers.
    """
    return str(2**156 + counter * 2**92 + server_ms * 2**28 + secrets.randbelow(2**28))
