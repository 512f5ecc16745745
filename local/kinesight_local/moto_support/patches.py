"""Replaces attributes of moto's classes in this process, and restores them."""

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any

type Patch = tuple[type[Any], str, Any]
"""A class, the name of an attribute, and its replacement."""


def install(*patches: Patch) -> Callable[[], None]:
    """Installs the replacements. Call the result to restore moto."""
    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in patches]
    for owner, name, patch in patches:
        setattr(owner, name, patch)

    def restore() -> None:
        for owner, name, original in originals:
            setattr(owner, name, original)

    return restore


def locked(method: Callable[..., Any], lock: RLock) -> Callable[..., Any]:
    """Runs one call at a time of all methods with this lock."""

    @wraps(method)
    def one_at_a_time(*arguments: Any, **named: Any) -> Any:
        with lock:
            return method(*arguments, **named)

    return one_at_a_time
