"""serve_viewer as API Gateway calls it, on DynamoDB and S3."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from kinesight.adapters.aws import clients as aws_clients
from kinesight.domain.errors import InvalidEventError
from kinesight.observability import LambdaContext
from kinesight.wiring import current_configuration
from kinesight.wiring import serve_viewer as wiring

from functions.serve_viewer import app
from tests.contract.dynamodb.test_viewer_sessions import a_session, stored
from tests.openapi_responses import check_response

EVENTS = Path(__file__).resolve().parents[3] / "events/serve_viewer"
NOW_MS = time.time_ns() // 1_000_000
TODAY = datetime.fromtimestamp(NOW_MS / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def day_from(start: datetime) -> dict[str, str]:
    return {"start": start.isoformat(), "end": (start + timedelta(days=1)).isoformat()}


DAY = day_from(TODAY)
SESSION_KEY = f"{NOW_MS:015d}-{NOW_MS:032x}"
CONTEXT = SimpleNamespace(
    function_name="serve-viewer",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:111122223333:function:serve-viewer",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 29_000,
)


@pytest.fixture(autouse=True)
def deployed(table: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "SESSIONS_TABLE": "sessions",
        "EVIDENCE_BUCKET": "evidence",
        "CONFIGURATION_BUCKET": "evidence",
        "IMAGES_BUCKET": "images",
        "EVIDENCE_RETENTION_DAYS": "3650",
        "COORDINATION_TABLE": "coordination",
        "IMAGES_URI": "s3://images/images",
        "NOTIFICATION_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:notified",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:111122223333:stateMachine:analyze-range",
    }.items():
        monkeypatch.setenv(name, value)
    for bucket in ("evidence", "images"):
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=bucket)
    made = (
        wiring._ports,
        wiring._evidence_buckets,
        current_configuration._reader,
        wiring.rules,
        wiring._environment,
        aws_clients.dynamodb,
        aws_clients.s3,
    )
    for one in made:
        one.cache_clear()
    stored(table, a_session(NOW_MS))
    yield
    for one in made:
        one.cache_clear()


def call_api(
    method: str, path: str, query: dict[str, str] | None = None, body: Any = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """Returns status, JSON and headers."""
    response = api_response(method, path, query, body, **headers)
    return int(response["statusCode"]), json.loads(response["body"] or "null"), response["headers"]


def api_response(
    method: str, path: str, query: dict[str, str] | None = None, body: Any = None, **headers: str
) -> dict[str, Any]:
    """Calls the function as API Gateway does, and checks the response by the OpenAPI document."""
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()},
        "queryStringParameters": query or {},
        "requestContext": {
            "http": {"method": method, "path": path},
            "stage": "$default",
            "requestId": "request",
            "authorizer": {"jwt": {"claims": {"email": "ann@example.com"}}},
        },
        "isBase64Encoded": False,
        "body": None if body is None else json.dumps(body),
    }
    response: dict[str, Any] = app.handler(event, cast(LambdaContext, CONTEXT))
    document = None if response["isBase64Encoded"] else json.loads(response["body"] or "null")
    check_response(method, path, response["statusCode"], response["headers"].get("Content-Type"), document)
    return response


@pytest.mark.parametrize(
    ("sample", "status"),
    [("sessions", 200), ("openapi", 200), ("session", 404), ("mark", 404), ("hostile_path", 404)],
)
def test_the_samples(sample: str, status: int) -> None:
    event = json.loads((EVENTS / f"{sample}.json").read_text())

    assert app.handler(event, cast(LambdaContext, CONTEXT))["statusCode"] == status


def test_an_event_of_another_source_is_an_error() -> None:
    event = json.loads((EVENTS / "not_a_request.json").read_text())

    with pytest.raises(InvalidEventError):
        app.handler(event, cast(LambdaContext, CONTEXT))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"document": ' + '{"a": ' * 100_000 + "1" + "}" * 100_001, "application/json"),
        ('{"document": ' + '{"a": ' * 900 + "1" + "}" * 901, "application/json"),
        ('{"document": {"a": "\ud800"}}', "application/json"),
        ("x", "multipart/form-data"),
    ],
)
def test_a_body_that_cannot_be_read_is_an_invalid_request(body: str, content_type: str) -> None:
    http = {"method": "PUT", "path": "/api/rules"}
    event = {
        "version": "2.0",
        "rawPath": "/api/rules",
        "headers": {"content-type": content_type, "if-match": "none"},
        "requestContext": {"http": http, "stage": "$default", "requestId": "request"},
        "isBase64Encoded": False,
        "body": body,
    }

    response = app.handler(event, cast(LambdaContext, CONTEXT))

    found = json.loads(response["body"])
    assert (response["statusCode"], found["error"]["code"]) == (400, "InvalidRequest")
    check_response("PUT", "/api/rules", 400, response["headers"]["Content-Type"], found)


def test_the_first_page_and_304_if_it_is_unchanged() -> None:
    status, page, headers = call_api("GET", "/api/sessions")

    assert (status, [one["sessionKey"] for one in page["sessions"]]) == (200, [SESSION_KEY])
    assert "X-Amz-Signature=" in page["sessions"][0]["links"]["image"]
    assert call_api("GET", "/api/sessions", if_none_match=headers["ETag"])[:2] == (304, None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"stream": "front-door"}, 1),
        ({"stream": "yard"}, 0),
        ({"label": "Person", "class": "ALERT", "reviewed": "false"}, 1),
        ({"label": "Cat"}, 0),
        (DAY, 1),
        (day_from(TODAY - timedelta(days=1)), 0),
    ],
)
def test_filters(query: dict[str, str], found: int) -> None:
    status, page, _ = call_api("GET", "/api/sessions", query)

    assert (status, len(page["sessions"])) == (200, found)


def test_a_session_is_reviewed_by_the_caller() -> None:
    path = f"/api/sessions/front-door/{SESSION_KEY}"
    tag = call_api("GET", path)[2]["ETag"]

    status, changed, headers = call_api("PATCH", path, body={"reviewed": True}, if_match=tag)

    assert (status, changed["reviewed"]) == (200, True)
    assert call_api("GET", path)[1]["reviewed"] is True
    assert call_api("PATCH", path, body={"reviewed": False}, if_match=tag)[0] == 412
    assert call_api("PATCH", path, body={"reviewed": False}, if_match=headers["ETag"])[0] == 200


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/api/sessions", {"limit": "0"}, 422),
        ("/api/sessions", {"limit": "101"}, 422),
        ("/api/sessions", {"cursor": "x"}, 400),
        ("/api/sessions", {"stream": "a/b"}, 422),
        ("/api/sessions", {"start": "yesterday", "end": DAY["end"]}, 422),
        ("/api/sessions", {"start": "2026-03-10T00:00:00", "end": DAY["end"]}, 422),
        ("/api/sessions", {"start": DAY["start"]}, 400),
        ("/api/sessions", {"start": DAY["end"], "end": DAY["start"]}, 400),
        ("/api/activity", {"start": DAY["end"], "end": DAY["start"]}, 400),
        ("/api/activity", {"start": DAY["start"]}, 422),
        ("/api/activity", {"start": "2020-01-01T00:00:00Z", "end": DAY["end"]}, 400),
        ("/api/sessions", {"start": "0001-01-01T00:00:00+14:00", "end": "0001-01-02T00:00:00+14:00"}, 400),
        ("/api/sessions", {"start": "9999-12-30T00:00:00-12:00", "end": "9999-12-31T00:00:00-12:00"}, 400),
        ("/api/sessions/front-door/../../configuration", {}, 404),
        ("/api/sessions/..%2Ffront-door/SESSION_KEY", {}, 422),
        ("/api/sessions/front-door/1-a", {}, 422),
        ("/api/sessions/yard/SESSION_KEY", {}, 404),
        ("/api/anything", {}, 404),
    ],
)
def test_bad_requests_have_their_status(path: str, query: dict[str, str], status: int) -> None:
    assert call_api("GET", path.replace("SESSION_KEY", SESSION_KEY), query)[0] == status


def test_a_change_requires_if_match() -> None:
    assert call_api("PATCH", f"/api/sessions/front-door/{SESSION_KEY}", body={"reviewed": True})[0] == 422


ZONED: Any = {
    "schemaVersion": 1,
    "cameras": [
        {
            "streams": ["front-door"],
            "zones": [{"name": "porch", "polygon": [[0, 0.5], [1, 0.5], [1, 1]]}],
            "rules": [{"name": "visitor", "labels": ["Person"], "zones": ["porch"]}],
        }
    ],
}


def read_rules(stream: str = "front-door") -> Any:
    status, found, _ = call_api("GET", "/api/rules", {"stream": stream})
    assert status == 200
    return found


def test_only_the_rules_that_were_read_are_replaced() -> None:
    first = read_rules()
    assert first == {
        "document": None,
        "entry": None,
        "camera": {
            "rules": [{"name": "default", "labels": [], "minimumConfidence": 80}],
            "stationary": {"enabled": False},
        },
        "etag": "none",
    }

    status, written, _ = call_api("PUT", "/api/rules", body={"document": ZONED}, if_match=first["etag"])
    assert status == 200
    assert call_api("PUT", "/api/rules", body={"document": ZONED}, if_match="none")[0] == 412
    assert call_api("PUT", "/api/rules", body={"document": ZONED}, if_match='"0123456789abcdef"')[0] == 412

    found = read_rules()
    assert (found["document"], found["entry"], found["etag"]) == (ZONED, 0, written["etag"])
    assert found["camera"] == {one: ZONED["cameras"][0][one] for one in ("zones", "rules")}
    assert read_rules("yard") == found | {"entry": None, "camera": first["camera"]}
    assert call_api("PUT", "/api/rules", body={"document": ZONED}, if_match=found["etag"])[0] == 200


def test_the_entry_of_a_camera_may_depend_on_its_tags() -> None:
    document = {"schemaVersion": 1, "cameras": [{"streams": ["front-*"]}, {"streamTags": "Floor=1", "labels": ["Car"]}]}
    assert call_api("PUT", "/api/rules", body={"document": document}, if_match="none")[0] == 200
    assert read_rules("yard")["entry"] is None

    wiring.rules().tags.save({"front-door": {"Floor": "1"}, "yard": {"Floor": "1"}})

    assert [read_rules(one)["entry"] for one in ("front-door", "yard", "gate")] == [0, 1, None]
    assert read_rules("yard")["camera"]["rules"][0]["labels"] == ["Car"]


@pytest.mark.parametrize("query", [{}, {"stream": ""}, {"stream": "front-*"}, {"stream": "x" * 257}])
def test_rules_are_read_for_one_stream(query: dict[str, str]) -> None:
    assert call_api("GET", "/api/rules", query)[0] == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 422), (b"[]", 422), (b'{"schemaVersion": 1, "cameras": [{"streams": ["a"], "x": 1}]}', 200)],
)
def test_rules_of_a_stored_document_that_is_invalid(body: bytes, status: int) -> None:
    key = "configuration/kinesight.json"
    boto3.client("s3", region_name="us-east-1").put_object(Bucket="evidence", Key=key, Body=body)

    found = call_api("GET", "/api/rules", {"stream": "a"})

    assert found[0] == status
    assert found[1].get("entry") is None


def test_problems_of_rules_have_their_location() -> None:
    wrong = {"schemaVersion": 1, "cameras": [{"streams": ["a"], "rules": [{"name": "r", "labels": []}], "zone": 1}]}

    status, response, _ = call_api("PUT", "/api/rules", body={"document": wrong}, if_match="none")

    assert status == 422
    assert any("cameras[0].zone" in problem for problem in response["error"]["problems"])
    assert read_rules()["document"] is None


def test_the_activity_of_a_day() -> None:
    status, response, _ = call_api("GET", "/api/activity", DAY)

    assert (status, [one["stream"] for one in response["streams"]]) == (200, ["front-door"])
    assert response["streams"][0]["sessions"][0]["sessionKey"] == SESSION_KEY
    assert call_api("GET", "/api/activity", DAY | {"stream": "yard"})[1] == {"streams": []}
