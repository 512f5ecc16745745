"""botocore's service models, read once per process.

A session keeps what it has read, but moto and the local cloud begin with a new default session for each test.
"""

from typing import Any

from botocore.loaders import Loader

_read: dict[tuple[str, ...], dict[Any, Any]] = {}


def share() -> None:
    """All loaders with the same search path have one cache."""
    initialize = Loader.__init__

    def initialized(loader: Any, *arguments: Any, **named: Any) -> None:
        initialize(loader, *arguments, **named)
        loader._cache = _read.setdefault(tuple(loader.search_paths), loader._cache)

    Loader.__init__ = initialized  # type: ignore[method-assign, assignment]  # it has no hook
