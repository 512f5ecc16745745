"""The viewer's page in its bucket: its files, how people sign in, and nothing of an older page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from kinesight.domain.errors import InvalidInputError

CONFIGURATION = "config.json"
_ENTRANCE = "index.html"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where people sign in (OpenID Connect, authorization code with PKCE), and the page's id there.

    `logout_url` is empty where the page offers no way out.
    """

    authorize_url: str
    token_url: str
    client_id: str
    logout_url: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """How many files there are now, and how many of an older page are gone."""

    written: int
    removed: int


class PageStore(Protocol):
    """Where the page is served from. Raises StorageBusyError."""

    def names(self) -> set[str]:
        """Of all files."""

    def write(self, name: str, body: bytes, content_type: str) -> None:
        """Puts a file there, in place of one of that name."""

    def remove(self, names: set[str]) -> None:
        """Files that are not there are no error."""


def publish(files: Mapping[str, bytes], sign_in: SignIn, store: PageStore) -> Published:
    """`files` by their paths below the page's root. Raises InvalidInputError for a file of an unknown kind."""
    page = {**files, CONFIGURATION: _configuration(sign_in)}
    kinds = {name: content_type(name) for name in page}
    # The entrance is last: it leads to nothing that is not there yet.
    for name in sorted(page, key=lambda name: (name == _ENTRANCE, name)):
        store.write(name, page[name], kinds[name])
    old = store.names() - page.keys()
    store.remove(old)
    return Published(len(page), len(old))


def withdraw(store: PageStore) -> Published:
    """Leaves nothing, so that the bucket can be deleted."""
    names = store.names()
    store.remove(names)
    return Published(0, len(names))


def content_type(name: str) -> str:
    """By the name's ending. Raises InvalidInputError."""
    suffix = PurePosixPath(name).suffix
    if suffix not in _CONTENT_TYPES:
        raise InvalidInputError(f"{name}: nobody has said which content type {suffix or 'a name without an end'} is")
    return _CONTENT_TYPES[suffix]


def _configuration(sign_in: SignIn) -> bytes:
    told = {"authorizeUrl": sign_in.authorize_url, "tokenUrl": sign_in.token_url, "clientId": sign_in.client_id}
    return json.dumps(told | ({"logoutUrl": sign_in.logout_url} if sign_in.logout_url else {})).encode()
