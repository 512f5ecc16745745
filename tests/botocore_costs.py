"""What botocore makes for each session and client, made once per process: service models and TLS contexts.

A session keeps what it has read, but moto and the local cloud begin with a new default session for each test. Tests
create thousands of clients, for servers without TLS.
"""

from functools import cache
from typing import Any

from botocore.httpsession import URLLib3Session, create_urllib3_context
from botocore.loaders import Loader

_read: dict[tuple[str, ...], dict[Any, Any]] = {}


def share() -> None:
    """All loaders with the same search path have one cache, and all clients one TLS context."""
    initialize = Loader.__init__

    def initialized(loader: Any, *arguments: Any, **named: Any) -> None:
        initialize(loader, *arguments, **named)
        loader._cache = _read.setdefault(tuple(loader.search_paths), loader._cache)

    Loader.__init__ = initialized  # type: ignore[method-assign, assignment]  # it has no hook
    URLLib3Session._get_ssl_context = lambda _: _context()  # type: ignore[attr-defined]  # it has no hook


@cache
def _context() -> Any:
    return create_urllib3_context()
