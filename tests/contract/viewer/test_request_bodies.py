"""Bodies that no page sends: the API responds 400 or 422 and never fails."""

import base64
import json
from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.errors import InvalidInputError
from kinesight.lambda_events import check_body
from kinesight.observability import LambdaContext

from functions.serve_viewer import app
from tests.contract.viewer.test_api import CONTEXT, SESSION_KEY, deployed

__all__ = ["deployed"]

ROUTES = [
    ("PUT", "/api/rules"),
    ("PATCH", f"/api/sessions/front-door/{SESSION_KEY}"),
    ("POST", "/api/analyses"),
]


def respond(method: str, path: str, body: bytes | str, content_type: str = "application/json") -> tuple[int, Any]:
    """Bytes are sent in base64, as API Gateway does with what it does not take for text."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": content_type, "if-match": '"1"'},
        "requestContext": {
            "http": {"method": method, "path": path},
            "stage": "$default",
            "requestId": "request",
            "authorizer": {"jwt": {"claims": {"email": "ann@example.com"}}},
        },
        "isBase64Encoded": isinstance(body, bytes),
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
    }
    response = app.handler(event, cast(LambdaContext, CONTEXT))
    return response["statusCode"], json.loads(response["body"])


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ("x", "multipart/form-data", "is a form"),
        ("x", "multipart/form-data; boundary=", "is a form"),
        (b"--x\r\n\r\n\xff", "Multipart/Form-Data; boundary=x", "is a form"),
        ("a=%ff", "application/x-www-form-urlencoded", "is a form"),
        (b"\xff\xfe{}", "application/json", "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "application/json", "not UTF-8"),
        ("{}".encode("utf-16"), "application/json; charset=utf-16", "not UTF-8"),
        ("[" * 100_000, "application/json", "levels deep"),
        ('{"a":' * 1_000 + "1" + "}" * 1_000, "application/json", "levels deep"),
        ("[" * 65 + "]" * 65, "application/json", "levels deep"),
        ("1" * 5_000, "application/json", "cannot be read"),
    ],
)
def test_a_body_that_cannot_be_processed_is_400(
    route: tuple[str, str], body: bytes | str, content_type: str, message: str
) -> None:
    status, document = respond(*route, body, content_type)

    assert (status, document["error"]["code"]) == (400, "InvalidRequest")
    assert message in document["error"]["message"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"x"', '{"a": NaN}', '{"a": "\\ud800"}', "[" * 64 + "]" * 64])
def test_other_bodies_are_validated(route: tuple[str, str], body: str) -> None:
    assert respond(*route, body)[0] in (400, 409, 412, 415, 422)


@given(st.binary(min_size=1))
def test_no_bytes_raise(body: bytes) -> None:
    with suppress(InvalidInputError):
        check_body({"body": base64.b64encode(body).decode(), "isBase64Encoded": True})
    with suppress(InvalidInputError):
        check_body({"body": body.decode("latin-1"), "headers": None})
