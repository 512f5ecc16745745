"""The viewer's page: its bucket after publishing and after withdrawing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from kinesight.domain.errors import InvalidInputError
from kinesight.domain.viewer.publish_viewer import Published, SignIn, content_type, publish, withdraw

from tests.fakes import FakePageStore

SIGN_IN = SignIn("https://id.example/authorize", "https://id.example/token", "page")
PAGE = {"index.html": b"<!doctype html>", "js/main.js": b"go()", "style.css": b"", "aaa.svg": b"<svg/>"}
SOURCE = Path(__file__).resolve().parents[3] / "functions/publish_viewer/page"


def test_a_page_is_published_with_its_sign_in_configuration() -> None:
    store = FakePageStore()

    published = publish(PAGE, SIGN_IN, store)

    assert published == Published(5, 0)
    assert {name: store.files[name] for name in PAGE} == PAGE
    assert json.loads(store.files["config.json"]) == {
        "authorizeUrl": "https://id.example/authorize",
        "tokenUrl": "https://id.example/token",
        "clientId": "page",
    }
    assert store.kinds["js/main.js"] == "text/javascript; charset=utf-8"


def test_a_sign_out_url_is_optional() -> None:
    store = FakePageStore()

    publish(PAGE, replace(SIGN_IN, logout_url="https://id.example/logout"), store)

    assert json.loads(store.files["config.json"])["logoutUrl"] == "https://id.example/logout"


def test_the_entry_page_is_written_last() -> None:
    store = FakePageStore()

    publish(PAGE, SIGN_IN, store)

    assert list(store.kinds)[-1] == "index.html"


def test_files_of_older_pages_are_removed() -> None:
    store = FakePageStore(**{"js/old.js": b"", "index.html": b"old"})

    published = publish(PAGE, SIGN_IN, store)

    assert published == Published(5, 1)
    assert store.names() == {*PAGE, "config.json"}


def test_publishing_is_idempotent() -> None:
    store = FakePageStore()
    publish(PAGE, SIGN_IN, store)
    before = dict(store.files)

    assert publish(PAGE, SIGN_IN, store) == Published(5, 0)
    assert store.files == before


def test_a_file_of_an_unknown_type_stops_publishing() -> None:
    store = FakePageStore()

    with pytest.raises(InvalidInputError, match=r"main\.wasm"):
        publish(PAGE | {"main.wasm": b""}, SIGN_IN, store)

    assert store.files == {}


def test_withdrawing_removes_all_files() -> None:
    store = FakePageStore()
    publish(PAGE, SIGN_IN, store)

    assert withdraw(store) == Published(0, 5)
    assert withdraw(store) == Published(0, 0)
    assert store.files == {}


def test_every_file_of_the_page_has_a_content_type() -> None:
    names = [path.name for path in SOURCE.rglob("*") if path.is_file()]

    assert "index.html" in names
    assert all(content_type(name) for name in names)
