"""Address and headers of a webhook, parsed from its secret. The address is a credential: no error or repr shows it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from kinesight.domain.addresses import address_of, is_callable
from kinesight.domain.errors import ChannelRefusedError
from kinesight.domain.json_text import InvalidJsonError, parse_json

_PRINTABLE = re.compile(r"[!-~]+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[ -~]*")
_HEADERS_OF_OURS = frozenset({"connection", "content-length", "content-type", "host", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """`path` includes the query. repr and str show no value."""

    host: str = field(repr=False)
    port: int = field(repr=False)
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def parse_target(secret: str) -> WebhookTarget:
    """Parses a plain URL, or `{"url": "https://…", "headers": {"Authorization": "…"}}`; HTTPS only.

    Raises ChannelRefusedError, which names the problem and quotes nothing of the secret.
    """
    text = secret.strip()
    url, headers = _members(_json(text)) if text.startswith("{") else (text, {})
    parts, port = _split(url)
    if parts is None or parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise ChannelRefusedError("the webhook's secret holds no plain https URL")
    _check_host(parts.hostname)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookTarget(parts.hostname, port, path, _checked(headers))


def _json(text: str) -> Any:
    try:
        return parse_json(text)
    except InvalidJsonError as error:
        raise ChannelRefusedError("the webhook's secret is not JSON") from error


def _members(document: Any) -> tuple[str, Any]:
    url = document.get("url")
    if not isinstance(url, str):
        raise ChannelRefusedError("the webhook's secret has no url")
    return url, document.get("headers") or {}


def _split(url: str) -> tuple[SplitResult | None, int]:
    if not _PRINTABLE.fullmatch(url):
        return None, 0
    try:
        parts = urlsplit(url)
        return parts, 443 if parts.port is None else parts.port
    except ValueError:
        return None, 0


def _check_host(host: str) -> None:
    try:
        address = address_of(host)
    except ValueError:
        pass  # another form of an IPv4 address
    else:
        if address is None or is_callable(address):
            return
    raise ChannelRefusedError("the webhook's host is an address that must not be called, or not a plain one")


def _checked(headers: Any) -> Mapping[str, str]:
    if not isinstance(headers, dict) or not all(_is_header(name, value) for name, value in headers.items()):
        raise ChannelRefusedError("the webhook's secret has invalid headers")
    return headers


def _is_header(name: str, value: Any) -> bool:
    if not isinstance(value, str) or name.lower() in _HEADERS_OF_OURS:
        return False
    return bool(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value))
