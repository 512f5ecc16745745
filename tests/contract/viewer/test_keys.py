"""The viewer reads tables only by key, and a bounded number of sessions: the cost of scans grows with the table."""

from collections.abc import Iterator
from typing import Any

import pytest
from kinesight.adapters.aws import clients as aws_clients

from tests.contract.viewer.test_api import DAY, SESSION_KEY, call_api, deployed  # noqa: F401 - a fixture for every test
from tests.contract.viewer.test_cameras import REQUEST, fleet  # noqa: F401 - a fixture for every test

_BY_KEY = {"GetItem", "Query", "UpdateItem", "PutItem"}
_PATH = f"/api/sessions/front-door/{SESSION_KEY}"


@pytest.fixture
def reads() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Calls of DynamoDB: operation and parameters. A Scan fails the test."""
    calls: list[tuple[str, dict[str, Any]]] = []
    client = aws_clients.dynamodb()

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        calls.append((model.name, params))
        assert model.name in _BY_KEY, f"{model.name} of {params['TableName']}"

    client.meta.events.register("provide-client-params.dynamodb.*", note)
    yield calls
    client.meta.events.unregister("provide-client-params.dynamodb.*", note)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/api/sessions", {}, None),
        ("GET", "/api/sessions", {"stream": "front-door"}, None),
        ("GET", "/api/sessions", DAY | {"stream": "front-door"}, None),
        ("GET", "/api/sessions", {"label": "Nothing", "zone": "nowhere", "class": "ALERT", "reviewed": "true"}, None),
        ("GET", "/api/activity", DAY, None),
        ("GET", "SESSION_KEY", {}, None),
        ("GET", "SESSION_KEY/playback", {}, None),
        ("POST", "SESSION_KEY/bundle", {}, None),
        ("PATCH", "SESSION_KEY", {}, {"reviewed": True}),
        ("GET", "/api/cameras", {}, None),
        ("GET", "/api/cameras/front-door/image", {}, None),
        ("POST", "/api/analyses", {}, REQUEST),
        ("GET", "/api/analyses", {}, None),
    ],
)
def test_no_route_scans(
    reads: list[tuple[str, dict[str, Any]]], method: str, path: str, query: dict[str, str], body: Any
) -> None:
    headers = {"if_match": call_api("GET", _PATH)[2]["ETag"]} if method == "PATCH" else {}
    reads.clear()

    status, _, _ = call_api(method, path.replace("SESSION_KEY", _PATH), query, body, **headers)

    assert status < 500
    assert reads
    for operation, params in reads:
        if operation == "Query" and params["TableName"] == "sessions":
            assert 0 < params["Limit"] <= 250


def test_a_scan_is_detected(reads: list[tuple[str, dict[str, Any]]]) -> None:
    with pytest.raises(AssertionError, match="Scan of sessions"):
        aws_clients.dynamodb().scan(TableName="sessions")
