"""Refuses requests that web pages make through the browser of the person who runs the emulator.

A page of another site sends `Origin`, or for GET requests without CORS `Sec-Fetch-Site` (Fetch Metadata, W3C). The
page's own name may resolve to this machine later (DNS rebinding), and then only `Host` shows it; an IP address cannot
be rebound, so any is accepted, such as that of a container's network. Clients that are no browsers send neither header.
"""

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

_THIS_MACHINE = frozenset({"localhost", "host.docker.internal", "host.containers.internal"})
"""The last two are names that container engines give to this machine."""


class RequestCheck:
    """`names`: further host names of the server."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self._names = _THIS_MACHINE | {name.lower() for name in names if name}

    def problem(self, headers: Mapping[str, str], *, is_public: bool = False) -> str | None:
        """Returns why a request is refused, None for one that is not. `headers`: names in lower case.
        `is_public`: pages of any site may make the request."""
        host, origin = headers.get("host"), headers.get("origin")
        if host is not None and not self._is_known(f"//{host}"):
            return (
                f"the Host {host[:100]!r} is not a name of this server: use 127.0.0.1 or localhost; kinesight kvs "
                "serve has --allow-host for other names"
            )
        if is_public:
            return None
        if origin is not None and not _is_local_page(origin, host):
            return f"a web page of {origin[:100]!r} made the request: only pages of this machine may"
        if headers.get("sec-fetch-site") == "cross-site" and origin is None:
            return "a web page of another site made the request: only pages of this machine may"
        return None

    def _is_known(self, url: str) -> bool:
        name = _hostname(url)
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def _is_local_page(origin: str, host: str | None) -> bool:
    """Pages of this machine, which may have other ports, and those of the server itself."""
    name = _hostname(origin)
    is_loopback = ip_address(name).is_loopback if _is_address(name) else name == "localhost"
    return is_loopback or name.endswith(".localhost") or (host is not None and name == _hostname(f"//{host}"))


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
