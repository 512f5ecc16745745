"""Replaces attributes of moto's classes in this process, and restores them."""

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any

type Patch = tuple[type[Any], str, Any]
"""A class, the name of an attribute, and its replacement."""

_MISSING = object()


def install(*patches: Patch) -> Callable[[], None]:
    """Installs the replacements, also of what a class inherits or sets on its instances. Call the result to restore
    moto."""
    originals = [(owner, name, vars(owner).get(name, _MISSING)) for owner, name, _ in patches]
    for owner, name, patch in patches:
        setattr(owner, name, patch)

    def restore() -> None:
        for owner, name, original in originals:
            if original is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)

    return restore


def locked(method: Callable[..., Any], lock: RLock) -> Callable[..., Any]:
    """Runs one call at a time of all methods with this lock."""

    @wraps(method)
    def one_at_a_time(*arguments: Any, **named: Any) -> Any:
        with lock:
            return method(*arguments, **named)

    return one_at_a_time
