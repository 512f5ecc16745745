"""Atomic writes for DynamoDB and Kinesis.

moto's server uses many threads and reads before it writes, without a lock: two conditional writes can both succeed, and
two records that are put at once can get the same sequence number, so that one replaces the other. It also changes items
in place, attribute by attribute, so that a reader can get an item with some of them.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from threading import RLock
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.kinesis.models import KinesisBackend

from kinesight_local.moto_support.patches import install, locked

_WRITES: tuple[tuple[type[Any], str], ...] = (
    (DynamoDBBackend, "put_item"),
    (DynamoDBBackend, "update_item"),
    (DynamoDBBackend, "delete_item"),
    (DynamoDBBackend, "transact_write_items"),
    (KinesisBackend, "put_record"),
    (KinesisBackend, "put_records"),
    (KinesisBackend, "get_records"),
)
_READS: tuple[tuple[type[Any], str], ...] = (
    (DynamoDBBackend, "get_item"),
    (DynamoDBBackend, "query"),
    (DynamoDBBackend, "scan"),
)


def make_writes_atomic() -> Callable[[], None]:
    """Installs a lock. Call the result to restore moto."""
    lock = RLock()
    writes = [(backend, name, getattr(backend, name)) for backend, name in _WRITES]
    reads = [(backend, name, _copied(getattr(backend, name))) for backend, name in _READS]
    return install(*((backend, name, locked(method, lock)) for backend, name, method in [*writes, *reads]))


def _copied(read: Callable[..., Any]) -> Callable[..., Any]:
    """Its caller writes the response after the lock is released."""

    @wraps(read)
    def copied(*arguments: Any, **named: Any) -> Any:
        return deepcopy(read(*arguments, **named))

    return copied
