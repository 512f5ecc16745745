"""Keys that are generated on first use and stay the same across restarts."""

from collections.abc import Callable

from kinesight_local.kvs.storage.index import Index


def secret_key(index: Index, name: str, generate: Callable[[], bytes]) -> bytes:
    """The stored key of this name."""
    with index.lock:
        index.rows("INSERT OR IGNORE INTO secrets VALUES (?, ?)", name, generate())
        rows = index.rows("SELECT value FROM secrets WHERE name = ?", name)
    return bytes(rows[0][0])
