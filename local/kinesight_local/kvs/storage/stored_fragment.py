"""A fragment's row in the index, and how long it is readable. All times are epoch milliseconds."""

from dataclasses import dataclass, replace
from typing import Any, Literal

Clock = Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"]

COLUMNS = (
    "number, producer_ms, server_ms, length_ms, header_bytes, cluster_bytes, size_bytes, path, place, archived, ordinal"
)
"""In the order of StoredFragment's fields."""

HOST_BUFFER_MS = 300_000
HOST_BUFFER_BYTES = 200 * 1024 * 1024
"""How much of a stream without retention consumers can still read (API_CreateStream, DataRetentionInHours)."""

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class FragmentIdentity:
    """Assigned when a fragment's first bytes arrive. `server_ms` is the time of arrival."""

    number: str
    server_ms: int


@dataclass(frozen=True, slots=True)
class StoredFragment:
    """One row. `place` is its sort key in lists: KVS documents no order, so this one is unrelated to time."""

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
    """False for a fragment in the host buffer of a stream without retention."""
    ordinal: int
    """Numbers the persisted fragments of a stream without gaps, in the order of arrival."""

    def starts_ms(self, clock: Clock) -> int:
        """The start by either clock."""
        return self.producer_ms if clock == "PRODUCER_TIMESTAMP" else self.server_ms


@dataclass(frozen=True, slots=True)
class Selection:
    """Fragments that start within a range, both ends included, and whose `place` is greater than `after`."""

    clock: Clock
    start_ms: int
    end_ms: int
    after: str = ""


def stored_fragment(row: tuple[Any, ...]) -> StoredFragment:
    """From the values of COLUMNS."""
    return replace(StoredFragment(*row), archived=bool(row[-2]))


def horizon_ms(now_ms: int, retention_hours: int) -> int:
    """Archived fragments that arrived at this time or earlier have expired."""
    return now_ms - retention_hours * _HOUR_MS
