"""Atomic writes for DynamoDB and Kinesis.

moto's server uses many threads and reads before it writes, without a lock: two conditional writes can both succeed, and
two records that are put at once can get the same sequence number, so that one replaces the other.
"""

from collections.abc import Callable
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


def make_writes_atomic() -> Callable[[], None]:
    """Installs a lock. Call the result to restore moto."""
    lock = RLock()
    return install(*((backend, name, locked(getattr(backend, name), lock)) for backend, name in _WRITES))
