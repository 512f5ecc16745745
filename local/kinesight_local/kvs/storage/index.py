"""The index: one SQLite file per data folder, shared by all threads under one lock."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (name TEXT PRIMARY KEY, document TEXT NOT NULL);
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
_LAYOUT = 2
"""Increased with every change of the tables."""
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
"""Scripts that lead to the next layout, by layout."""

type Row = tuple[Any, ...]


class UnreadableStateError(Exception):
    """Another version of the emulator has written the data folder."""


class Index:
    """Every statement is a transaction of its own, except within `transaction`. May be used from any thread."""

    def __init__(self, path: Path) -> None:
        """Raises UnreadableStateError."""
        self.lock = RLock()
        """Hold it to make several statements atomic for the threads of this process."""
        self._connection = _open(path)
        self._connection.executescript(_SCHEMA)

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """Executes a statement and returns all its rows."""
        with self.lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> Row | None:
        """Executes a statement and returns its first row."""
        found = self.rows(statement, *values)
        return found[0] if found else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits the statements within together, or none of them."""
        with self.lock:
            self._connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def _open(path: Path) -> sqlite3.Connection:
    is_new = not path.exists()
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    if is_new:
        connection.execute(f"PRAGMA user_version={_LAYOUT}")
    layout = _migrated(connection)
    if layout != _LAYOUT:
        connection.close()
        raise UnreadableStateError(
            f"{path} was written by another version (layout {layout}, expected {_LAYOUT}); delete its folder."
        )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _migrated(connection: sqlite3.Connection) -> int:
    """Returns the layout after all migrations."""
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    while layout in _MIGRATIONS:
        connection.executescript(f"BEGIN; {_MIGRATIONS[layout]}; PRAGMA user_version={layout + 1}; COMMIT")
        layout += 1
    return int(layout)
