"""Publishes the viewer's page to its bucket: its files and the sign-in configuration; removes files of older pages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from kinesight.domain.errors import InvalidInputError

CONFIGURATION = "config.json"
_ENTRY_PAGE = "index.html"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """OpenID Connect endpoints (authorization code with PKCE), and the page's client id.

    `logout_url` is empty if the page has no sign-out link.
    """

    authorize_url: str
    token_url: str
    client_id: str
    logout_url: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """Numbers of files written, and of files of older pages removed."""

    written: int
    removed: int


class PageStore(Protocol):
    """The bucket that the page is served from. Raises StorageBusyError."""

    def names(self) -> set[str]:
        """Returns the names of all files."""

    def write(self, name: str, body: bytes, content_type: str) -> None:
        """Writes a file; replaces a file of the same name."""

    def remove(self, names: set[str]) -> None:
        """Deletes files. Missing files are ignored."""


def publish(files: Mapping[str, bytes], sign_in: SignIn, store: PageStore) -> Published:
    """Writes `files`, by their paths below the page's root. Raises InvalidInputError for an unknown file type."""
    page = {**files, CONFIGURATION: _configuration(sign_in)}
    types = {name: content_type(name) for name in page}
    # The entry page is last: it refers to files that must exist by then.
    for name in sorted(page, key=lambda name: (name == _ENTRY_PAGE, name)):
        store.write(name, page[name], types[name])
    old = store.names() - page.keys()
    store.remove(old)
    return Published(len(page), len(old))


def withdraw(store: PageStore) -> Published:
    """Removes all files, so that the bucket can be deleted."""
    names = store.names()
    store.remove(names)
    return Published(0, len(names))


def content_type(name: str) -> str:
    """Returns the content type by the extension of a name. Raises InvalidInputError."""
    suffix = PurePosixPath(name).suffix
    if suffix not in _CONTENT_TYPES:
        raise InvalidInputError(f"{name}: no content type is known for {suffix or 'a name without extension'}")
    return _CONTENT_TYPES[suffix]


def _configuration(sign_in: SignIn) -> bytes:
    document = {"authorizeUrl": sign_in.authorize_url, "tokenUrl": sign_in.token_url, "clientId": sign_in.client_id}
    return json.dumps(document | ({"logoutUrl": sign_in.logout_url} if sign_in.logout_url else {})).encode()
