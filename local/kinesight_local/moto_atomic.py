"""Writes that hold under concurrency, as DynamoDB's and Kinesis' do.

moto's server answers on many threads and reads before it writes, without a lock: of two writers on the condition that
there is no item both may win, and of two records put at once one may take the other's sequence number, and its place.
"""

from collections.abc import Callable
from threading import RLock
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.kinesis.models import KinesisBackend

from kinesight_local.moto_patches import install, locked

_WRITES: tuple[tuple[type[Any], str], ...] = (
    (DynamoDBBackend, "put_item"),
    (DynamoDBBackend, "update_item"),
    (DynamoDBBackend, "delete_item"),
    (DynamoDBBackend, "transact_write_items"),
    (KinesisBackend, "put_record"),
    (KinesisBackend, "put_records"),
    (KinesisBackend, "get_records"),
)


def make_writes_atomic() -> Callable[[], None]:
    """Installs the lock; call the result to take it out again."""
    lock = RLock()
    return install(*((backend, name, locked(getattr(backend, name), lock)) for backend, name in _WRITES))
