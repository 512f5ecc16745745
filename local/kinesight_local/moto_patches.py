"""How moto is mended in this process: attributes of its classes are replaced, and put back."""

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any

type Patch = tuple[type[Any], str, Any]
"""A class, the name of its attribute, and what it is to be."""


def install(*patches: Patch) -> Callable[[], None]:
    """Call the result to have moto's own again."""
    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in patches]
    for owner, name, patch in patches:
        setattr(owner, name, patch)

    def restore() -> None:
        for owner, name, original in originals:
            setattr(owner, name, original)

    return restore


def locked(method: Callable[..., Any], lock: RLock) -> Callable[..., Any]:
    """One call at a time, of all that have this lock."""

    @wraps(method)
    def one_at_a_time(*arguments: Any, **named: Any) -> Any:
        with lock:
            return method(*arguments, **named)

    return one_at_a_time
