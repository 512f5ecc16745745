"""Images and notifications that are still to be delivered, across restarts."""

from typing import NamedTuple

from kinesight_local.kvs.storage.index import Index


class PendingDelivery(NamedTuple):
    """One fragment's deliveries; `request` is the text that `add` got."""

    stream_arn: str
    number: str
    request: str


class PendingDeliveries:
    """At most one per fragment."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def add(self, stream_arn: str, number: str, request: str) -> None:
        """Records a delivery until `remove`."""
        self._index.rows("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?)", stream_arn, number, request)

    def remove(self, stream_arn: str, number: str) -> None:
        """Removes a delivery that is done or no longer possible."""
        self._index.rows("DELETE FROM deliveries WHERE stream_arn = ? AND number = ?", stream_arn, number)

    def all(self) -> list[PendingDelivery]:
        """In the order of arrival."""
        rows = self._index.rows("SELECT stream_arn, number, asked FROM deliveries ORDER BY number")
        return [PendingDelivery(*row) for row in rows]
