"""Web pages of other sites cannot use the local cloud of the person who opens them; programs, containers, the viewer's
page and players can."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight_local.kvs.http.request_check import RequestCheck
from kinesight_local.kvs.server import KvsServer
from kinesight_local.moto_support.request_check import refusing_pages
from kinesight_local.vision.server import VisionServer

EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KvsServer]:
    with KvsServer(tmp_path, public_url="http://kvs.test:8080", allowed_hosts=["camera-hub.local"]) as server:
        yield server


def post(url: str, path: str, body: Any = None, method: str = "POST", **headers: str) -> tuple[int, str]:
    """As a browser does: with any Host, as JSON or as the text that needs no preflight."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"Content-Type": "text/plain"} | named
    connection.request(method, path, json.dumps(body) if body is not None else None, named)
    response = connection.getresponse()
    return response.status, response.read().decode()


def streams(server: KvsServer) -> list[str]:
    client = boto3.client("kinesisvideo", endpoint_url=server.url)
    return [one["StreamName"] for one in client.list_streams()["StreamInfoList"]]


@pytest.mark.parametrize(
    "headers",
    [
        EVIL,
        {"Origin": "null"},
        {"Origin": "http://evil.example:80"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://notlocalhost"},
        {"Origin": "http://192.168.1.9"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "evil.example:4580", "Origin": "http://evil.example:4580", "Sec-Fetch-Site": "same-origin"},
        {"Host": "127.0.0.1.nip.io"},
        {"Host": "localhost.evil.example"},
        {"Host": ""},
    ],
)
def test_a_page_of_another_site_creates_no_stream(server: KvsServer, headers: dict[str, str]) -> None:
    status, body = post(server.url, "/createStream", {"StreamName": "evil"}, **headers)

    assert (status, streams(server)) == (403, [])
    assert json.loads(body)["Message"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:4580"},
        {"Host": "LOCALHOST"},
        {"Host": "kvs.localhost"},
        {"Host": "[::1]:4580"},
        {"Host": "172.17.0.1:41234"},
        {"Host": "192.168.1.5"},
        {"Host": "host.docker.internal:4580"},
        {"Host": "host.containers.internal"},
        {"Host": "kvs.test:8080"},
        {"Host": "camera-hub.local"},
        {"Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:8080", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:8080"},
        {"Origin": "http://[::1]:8080"},
        {"Host": "192.168.1.5:4580", "Origin": "http://192.168.1.5:8080"},
    ],
)
def test_programs_containers_and_pages_of_this_machine_do(server: KvsServer, headers: dict[str, str]) -> None:
    assert post(server.url, "/createStream", {"StreamName": "mine"}, **headers)[0] == 200
    assert streams(server) == ["mine"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/putMedia"), ("PUT", "/_kinesight/faults")])
def test_media_and_the_admin_api_are_refused_too(server: KvsServer, method: str, path: str) -> None:
    assert post(server.url, path, {}, method, **EVIL)[0] == 403
    assert post(server.url, path, {}, method, Host="evil.example")[0] == 403


def test_players_of_any_site_read_hls_by_names_of_this_machine_alone(server: KvsServer) -> None:
    """400: the token is missing."""
    path = "/hls/v1/getHLSMasterPlaylist.m3u8"

    assert post(server.url, path, method="GET", **EVIL)[0] == 400
    assert post(server.url, path, method="GET", Host="evil.example")[0] == 403
    assert post(server.url, path, method="POST", **EVIL)[0] == 403


def test_the_vision_stand_ins_refuse_pages_too() -> None:
    with VisionServer() as vision:
        assert post(vision.url, "/models/coco", {}, **EVIL)[0] == 403
        assert post(vision.url, "/_kinesight/health", method="GET")[0] == 200


def moto(method: str, target: str, **headers: str) -> str:
    """The status of a request to moto, which responds to anything that reaches it."""
    statuses: list[str] = []

    def application(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    environ = {"REQUEST_METHOD": method, "REQUEST_URI": target, "HTTP_HOST": "127.0.0.1:5000"} | headers
    list(refusing_pages(application)(environ, lambda status, _: statuses.append(status)))
    return statuses[0][:3]


def test_moto_refuses_pages_but_not_programs_and_signed_links() -> None:
    signed = "/bucket/key?X-Amz-Signature=0"
    evil = {"HTTP_ORIGIN": "https://evil.example"}
    image = {"HTTP_SEC_FETCH_SITE": "cross-site"}

    assert moto("POST", "/") == moto("GET", signed) == moto("GET", "/bucket/key") == "200"
    assert moto("GET", "/bucket/key", HTTP_ORIGIN="http://localhost:8080") == "200"
    assert moto("GET", signed, **evil) == moto("GET", signed, **image) == "200"
    assert moto("GET", "/?Action=CreateQueue&QueueName=evil", **image) == "403"
    assert moto("POST", "/?Action=CreateQueue", **evil) == moto("PUT", signed, **evil) == "403"
    assert moto("GET", signed, HTTP_HOST="evil.example") == "403"


def test_a_request_without_the_headers_of_browsers_is_not_refused() -> None:
    assert RequestCheck().problem({}) is None
