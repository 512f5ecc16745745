"""The local cloud's viewer server: a page from moto's S3, and an API whose function records its events."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from kinesight_local.http_api import HttpRoute
from kinesight_local.lambdas import InvocationResult
from kinesight_local.viewer import ViewerServer, Web, is_plain, with_sources
from moto.server import ThreadedMotoServer

from tests.raw_http import raw

POLICY = "default-src 'none'; script-src 'self'; img-src 'self' https://bucket.example"


LONG = b"go();" * 1000


class Function:
    """Records its events and returns `result`."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.result: Any = {"statusCode": 200, "body": "{}"}
        self.fails = False

    def __call__(self, event: Any) -> InvocationResult:
        self.events.append(event)
        return InvocationResult(json.dumps(self.result).encode(), self.fails)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    _, port = moto.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    for bucket in ("page", "secrets"):
        client.create_bucket(Bucket=bucket)
    client.put_object(Bucket="secrets", Key="secret.txt", Body=b"secret")
    page = {"index.html": ("text/html", b"<!doctype html>"), "js/main.js": ("text/javascript", b"go()")}
    page["js/long.js"] = ("text/javascript", LONG)
    for name, (kind, body) in page.items():
        client.put_object(Bucket="page", Key=name, Body=body, ContentType=kind, CacheControl="no-cache")
    yield client
    moto.stop()


@pytest.fixture
def function() -> Function:
    return Function()


@pytest.fixture
def server(s3: Any, function: Function) -> Iterator[ViewerServer]:
    routes = [HttpRoute("GET /api/things/{id}", True, function), HttpRoute("ANY /api/{proxy+}", True, function)]
    web = Web("page", {"Content-Security-Policy": POLICY, "X-Frame-Options": "DENY"}, routes)
    with ViewerServer(web, s3, ["http://127.0.0.1:1"]) as server:
        yield server


@pytest.fixture
def browser(server: ViewerServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}) as client:
        yield client


# -- the page --


def test_the_page_needs_no_token_and_has_the_distributions_headers(server: ViewerServer) -> None:
    response = httpx.get(server.url)

    assert (response.status_code, response.text) == (200, "<!doctype html>")
    assert response.headers["content-type"] == "text/html"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-frame-options"] == "DENY"
    expected = "default-src 'none'; script-src 'self'; img-src 'self' https://bucket.example http://127.0.0.1:1"
    assert response.headers["content-security-policy"] == expected


def test_an_unchanged_file_is_not_sent_again(browser: httpx.Client) -> None:
    tag = browser.get("/js/main.js").headers["etag"]

    response = browser.get("/js/main.js", headers={"If-None-Match": tag})

    assert (response.status_code, response.content) == (304, b"")


def test_the_page_is_compressed_and_the_api_is_not(browser: httpx.Client, function: Function) -> None:
    """The API's responses have strong ETags, which identify the bytes that are sent."""
    function.result = {"statusCode": 200, "headers": {"ETag": '"1"'}, "body": LONG.decode()}
    page, plain, api = (
        browser.get("/js/long.js"),
        browser.get("/js/long.js", headers={"Accept-Encoding": "identity"}),
        browser.get("/api/things/7"),
    )

    assert [one.content for one in (page, plain, api)] == [LONG] * 3
    assert page.headers["content-encoding"] == "gzip"
    assert int(page.headers["content-length"]) < len(LONG) / 10
    assert not {"content-encoding"} & {*plain.headers, *api.headers}


def test_no_sign_in_is_configured(browser: httpx.Client) -> None:
    assert browser.get("/config.json").json() == {}


@pytest.mark.parametrize("path", ["/nothing.js", "/js", "/js/", "//index.html", "/INDEX.HTML"])
def test_a_missing_file_is_not_found(server: ViewerServer, path: str) -> None:
    assert raw(server, path)[0] == 404


def test_the_page_is_read_only(browser: httpx.Client) -> None:
    assert browser.head("/js/main.js").status_code == 200
    assert browser.put("/js/main.js", content=b"evil()").status_code == 403
    assert browser.get("/js/main.js").text == "go()"


@pytest.mark.parametrize(
    "path",
    [
        "/../secrets/secret.txt",
        "/js/../../secrets/secret.txt",
        "/%2e%2e/secrets/secret.txt",
        "/..%2fsecrets%2fsecret.txt",
        "/%252e%252e/secrets/secret.txt",
        "/..%5csecrets%5csecret.txt",
        "/js/..\\..\\secrets\\secret.txt",
        "/api/../../secrets/secret.txt",
        "/./index.html",
        "/index.html%00.js",
        "/%ff",
    ],
)
def test_no_path_escapes_the_bucket(server: ViewerServer, function: Function, path: str) -> None:
    status, body = raw(server, path)

    assert status == 404
    assert b"secret" not in body
    assert function.events == []


# -- authorization --


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic bG9jYWw6bG9jYWw=", "\xfc"]
)
def test_the_api_requires_the_token(server: ViewerServer, function: Function, authorization: str) -> None:
    status, body = raw(server, "/api/things/1", Authorization=authorization)

    assert (status, json.loads(body)) == (401, {"message": "Unauthorized"})
    assert function.events == []


def test_every_start_generates_a_token(s3: Any) -> None:
    tokens = {ViewerServer(Web("page", {}, []), s3, []).token for _ in range(3)}

    assert len(tokens) == 3
    assert all(len(token) >= 40 for token in tokens)


def test_the_token_is_in_the_url_fragment(server: ViewerServer) -> None:
    assert server.address == f"{server.url}/#token={server.token}"


@pytest.mark.parametrize("path", ["/", "/api/things/1"])
def test_a_foreign_host_name_is_forbidden(server: ViewerServer, function: Function, path: str) -> None:
    """DNS rebinding: a foreign host name resolves to loopback."""
    assert raw(server, path, Host="evil.example")[0] == 403
    assert raw(server, path, Host="127.0.0.1")[0] == 403
    assert function.events == []
    port = server.url.rpartition(":")[2]
    assert raw(server, path, Host=f"localhost:{port}")[0] == 200


# -- the API --


def test_the_function_gets_the_event_of_an_http_api(browser: httpx.Client, function: Function) -> None:
    browser.patch(
        "/api/sessions/cam/0-a?x=1&x=2&empty=&y=%C3%BC",
        json={"held": True},
        headers={"If-Match": '"3"', "Cookie": "a=1; b=2"},
    )

    (event,) = function.events
    assert event["version"] == "2.0"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "ANY /api/{proxy+}"
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/api/sessions/cam/0-a"
    assert event["rawQueryString"] == "x=1&x=2&empty=&y=%C3%BC"
    assert event["queryStringParameters"] == {"x": "1,2", "empty": "", "y": "ü"}
    assert event["pathParameters"] == {"proxy": "sessions/cam/0-a"}
    assert event["headers"]["if-match"] == '"3"'
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert (json.loads(event["body"]), event["isBase64Encoded"]) == ({"held": True}, False)
    assert event["requestContext"]["authorizer"]["jwt"]["claims"]["email"] == "local@localhost"


def test_the_first_matching_route_is_used(browser: httpx.Client, function: Function) -> None:
    browser.get("/api/things/7")
    browser.get("/api/things/7/more")

    assert [event["routeKey"] for event in function.events] == ["GET /api/things/{id}", "ANY /api/{proxy+}"]
    assert function.events[0]["pathParameters"] == {"id": "7"}


def test_binary_bodies_are_base64_in_both_directions(browser: httpx.Client, function: Function) -> None:
    image = bytes(range(256))
    function.result = {
        "statusCode": 201,
        "headers": {"Content-Type": "image/jpeg", "ETag": '"1"'},
        "cookies": ["a=1", "b=2"],
        "isBase64Encoded": True,
        "body": base64.b64encode(image).decode(),
    }

    response = browser.post("/api/images", content=image)

    assert (response.status_code, response.content) == (201, image)
    assert (response.headers["content-type"], response.headers["etag"]) == ("image/jpeg", '"1"')
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    (event,) = function.events
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (image, True)


def test_a_result_without_a_status_is_the_body(browser: httpx.Client, function: Function) -> None:
    function.result = ["a", "list"]

    response = browser.get("/api/any")

    assert (response.status_code, response.json()) == (200, ["a", "list"])


def test_the_error_of_a_failed_function_is_hidden(browser: httpx.Client, function: Function) -> None:
    function.result, function.fails = {"errorMessage": "inner secrets", "errorType": "KeyError"}, True

    response = browser.get("/api/any")

    assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})


def test_the_limits_are_those_of_an_http_api(browser: httpx.Client, function: Function) -> None:
    assert browser.post("/api/any", content=b"0" * (10 * 1024 * 1024 + 1)).status_code == 413
    assert function.events == []
    function.result = {"statusCode": 200, "body": "0" * (6 * 1024 * 1024)}
    assert browser.get("/api/any").status_code == 500


def test_other_origins_are_not_allowed(browser: httpx.Client) -> None:
    response = browser.get("/api/any", headers={"Origin": "https://evil.example"})
    preflight = httpx.options(f"{browser.base_url}/api/any", headers={"Origin": "https://evil.example"})

    assert "access-control-allow-origin" not in response.headers
    assert preflight.status_code == 401
    assert "access-control-allow-origin" not in preflight.headers


def test_plain_paths_have_no_dots_and_no_double_encoding() -> None:
    assert all(map(is_plain, ["/", "/index.html", "/js/main.js", "/api/sessions/a b/ü"]))
    assert not any(map(is_plain, ["", "a", "//", "/a//b", "/a/..", "/.", "/a%2fb", "/a\\b", "/a\nb"]))


def test_sources_are_added_only_to_directives_with_foreign_sources() -> None:
    assert with_sources("script-src 'self'; connect-src 'self' https://a", ["http://b"]) == (
        "script-src 'self'; connect-src 'self' https://a http://b"
    )
    assert with_sources("", ["http://b"]) == ""
