"""Conditional writes that hold under concurrency, as DynamoDB's do.

moto's server answers on many threads and looks at a condition before it writes, without a lock: of two writers on the
condition that there is no item, both may win, once in some thousand times.
"""

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

_WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")


def make_writes_atomic() -> Callable[[], None]:
    """Installs the lock; call the result to take it out again."""
    lock = RLock()
    originals = {name: getattr(DynamoDBBackend, name) for name in _WRITES}
    for name, original in originals.items():
        setattr(DynamoDBBackend, name, _locked(original, lock))

    def restore() -> None:
        for name, original in originals.items():
            setattr(DynamoDBBackend, name, original)

    return restore


def _locked(method: Callable[..., Any], lock: RLock) -> Callable[..., Any]:
    @wraps(method)
    def locked(*arguments: Any, **named: Any) -> Any:
        with lock:
            return method(*arguments, **named)

    return locked
