"""Requests to a self-hosted model over HTTP: which addresses are allowed, and the request body."""

import base64
import json
from typing import Any
from urllib.parse import SplitResult, urlsplit

from kinesight.domain.addresses import address_of, is_callable, is_private
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.json_text import InvalidJsonError, parse_json

IMAGE = "$image"
"""Placeholder of the image, in base64, in a JSON body."""

_PRIVATE_NAMES = ("localhost", ".internal", ".local")
"""Names that no public name server resolves: RFC 6761, RFC 6762, and those that ICANN reserved for private use."""


def checked_url(url: str) -> SplitResult:
    """The parts of a model's address. Raises InvalidSettingError, also if images would be sent unencrypted."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 - reading the port validates it
    except ValueError as error:
        raise InvalidSettingError(f"HttpModelUrl is not a valid address: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidSettingError("HttpModelUrl must begin with https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise InvalidSettingError("HttpModelUrl contains a user or a password: use HttpAuthSecretArn instead")
    _check_host(host, is_encrypted=parts.scheme == "https")
    return parts


def _check_host(host: str, *, is_encrypted: bool) -> None:
    try:
        address = address_of(host)
    except ValueError as error:
        raise InvalidSettingError(f"HttpModelUrl: {host}: {error}") from error
    if address is not None and not is_callable(address):
        raise InvalidSettingError(f"HttpModelUrl: {host} is a link-local, reserved or otherwise special address")
    is_near = _is_private_name(host) if address is None else is_private(address)
    if not is_near and not is_encrypted:
        raise InvalidSettingError(f"HttpModelUrl: {host} is not a private address, so it must be called by https://")


def _is_private_name(host: str) -> bool:
    return host == _PRIVATE_NAMES[0] or host.endswith(_PRIVATE_NAMES[1:])


def json_template(text: str) -> Any:
    """A JSON body with the placeholder of the image. Raises InvalidSettingError."""
    try:
        template: Any = parse_json(text)
    except InvalidJsonError as error:
        raise InvalidSettingError(f"httpJsonBody is not valid JSON: {error}") from error
    if not _holds_image(template):
        raise InvalidSettingError(f'httpJsonBody does not contain "{IMAGE}", the placeholder of the image')
    return template


def _holds_image(node: Any) -> bool:
    if isinstance(node, dict | list):
        return any(_holds_image(one) for one in (node.values() if isinstance(node, dict) else node))
    return bool(node == IMAGE)


def json_body(template: Any, image: bytes) -> bytes:
    """The template with the image in place of its placeholder."""
    return json.dumps(_filled(template, base64.b64encode(image).decode())).encode()


def _filled(node: Any, image: str) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, image) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(one, image) for one in node]
    return image if node == IMAGE else node


def redacted(body: bytes, secret: str | None) -> bytes:
    """A response body without the secret, whole or as the token in it: a server may echo the request."""
    for part in () if secret is None else (secret, secret.split()[-1]):
        body = body.replace(part.encode(), b"***")
    return body
