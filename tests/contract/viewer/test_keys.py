"""Whatever the viewer is asked, it reads tables by key alone, and of events a bounded number: Scans grow with them."""

from collections.abc import Iterator
from typing import Any

import pytest
from kinesight.adapters.aws import clients as aws_clients

from tests.contract.viewer.test_api import EVENT, TODAY, ask, deployed  # noqa: F401 - a fixture for every test
from tests.contract.viewer.test_cameras import ASKED, fleet  # noqa: F401 - a fixture for every test

_BY_KEY = {"GetItem", "Query", "UpdateItem", "PutItem"}
_PATH = f"/api/events/front-door/{EVENT}"


@pytest.fixture
def reads() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What DynamoDB is asked: operation and parameters. A Scan is refused."""
    asked: list[tuple[str, dict[str, Any]]] = []
    client = aws_clients.dynamodb()

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        asked.append((model.name, params))
        assert model.name in _BY_KEY, f"{model.name} of {params['TableName']}"

    client.meta.events.register("provide-client-params.dynamodb.*", note)
    yield asked
    client.meta.events.unregister("provide-client-params.dynamodb.*", note)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/api/events", {}, None),
        ("GET", "/api/events", {"stream": "front-door"}, None),
        ("GET", "/api/events", {"stream": "front-door", "day": TODAY.isoformat()}, None),
        ("GET", "/api/events", {"label": "Nothing", "zone": "nowhere", "class": "ALERT", "reviewed": "true"}, None),
        ("GET", "/api/activity", {"day": TODAY.isoformat()}, None),
        ("GET", "EVENT", {}, None),
        ("GET", "EVENT/playback", {}, None),
        ("POST", "EVENT/bundle", {}, None),
        ("PATCH", "EVENT", {}, {"reviewed": True}),
        ("GET", "/api/cameras", {}, None),
        ("GET", "/api/cameras/front-door/image", {}, None),
        ("POST", "/api/analyses", {}, ASKED),
        ("GET", "/api/analyses", {}, None),
    ],
)
def test_no_route_scans(
    reads: list[tuple[str, dict[str, Any]]], method: str, path: str, query: dict[str, str], body: Any
) -> None:
    headers = {"if_match": ask("GET", _PATH)[2]["ETag"]} if method == "PATCH" else {}
    reads.clear()

    status, _, _ = ask(method, path.replace("EVENT", _PATH), query, body, **headers)

    assert status < 500
    assert reads
    for operation, params in reads:
        if operation == "Query" and params["TableName"] == "events":
            assert 0 < params["Limit"] <= 250


def test_the_test_sees_a_scan(reads: list[tuple[str, dict[str, Any]]]) -> None:
    with pytest.raises(AssertionError, match="Scan of events"):
        aws_clients.dynamodb().scan(TableName="events")
