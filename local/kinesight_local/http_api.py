"""An HTTP API of API Gateway: selects a request's route, makes the function's event, converts the function's result.

"Create AWS Lambda proxy integrations for HTTP APIs" (payload format 2.0) and "Create routes for HTTP APIs" in the API
Gateway developer guide.
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from kinesight_local.lambdas import InvocationResult

Document = dict[str, Any]

MOST_BODY_BYTES = 10 * 1024 * 1024
"""The payload quota of HTTP APIs."""
_MOST_RESPONSE_BYTES = 6 * 1024 * 1024  # Lambda quotas, synchronous invocation
_TEXT = re.compile(r"^(text/.*|application/(json|javascript|xml|.*\+json|.*\+xml))(;.*)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. `path` is decoded; header names are in lower case and may be repeated."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str:
        """A header's value; repeated headers are joined by commas."""
        return ",".join(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """`key` as in the template: `GET /api/sessions/{id}`, `ANY /api/{proxy+}`, `$default`."""

    key: str
    has_authorizer: bool
    invoke: Callable[[Any], InvocationResult] = field(compare=False)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path parameters; None if the route does not match."""
        if self.key == "$default":
            return {}
        own_method, _, pattern = self.key.partition(" ")
        found = re.fullmatch(_expression(pattern), path) if own_method in ("ANY", method) else None
        return found.groupdict() if found else None


def _expression(pattern: str) -> str:
    parts = re.split(r"\{(\w+)(\+?)\}", pattern)
    whole = re.escape(parts[0])
    for name, greedy, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        whole += f"(?P<{name}>{'.+' if greedy else '[^/]+'}){re.escape(rest)}"
    return whole


def error_response(status: int, message: str) -> HttpResponse:
    """An error of API Gateway itself."""
    return HttpResponse(status, [("content-type", "application/json")], json.dumps({"message": message}).encode())


def event_of(request: HttpRequest, route: HttpRoute, parameters: Mapping[str, str], claims: Document) -> Document:
    """The event for a route's function."""
    now_s = time.time()
    headers = {name: request.header(name) for name, _ in request.headers if name != "cookie"}
    queries: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        queries.setdefault(name, []).append(value)
    is_text = bool(_TEXT.match(request.header("content-type")))
    event: Document = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "authorizer": {"jwt": {"claims": claims, "scopes": None}},
            "domainName": request.header("host"),
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": request.header("user-agent"),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route.key,
            "stage": "$default",
            "time": datetime.fromtimestamp(now_s, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now_s * 1000),
        },
        "isBase64Encoded": bool(request.body) and not is_text,
    }
    optional: Document = {
        "cookies": [one.strip() for one in request.header("cookie").split(";") if one.strip()],
        "queryStringParameters": {name: ",".join(values) for name, values in queries.items()},
        "pathParameters": dict(parameters),
        "body": request.body.decode(errors="replace") if is_text else base64.b64encode(request.body).decode(),
    }
    return event | {name: value for name, value in optional.items() if value}


def response_of(result: InvocationResult) -> HttpResponse:
    """A result without statusCode is the body of a 200; a failed function gives API Gateway's 500."""
    if result.failed or len(result.payload) > _MOST_RESPONSE_BYTES:
        return error_response(500, "Internal Server Error")
    document = result.document()
    if not isinstance(document, dict) or "statusCode" not in document:
        return HttpResponse(200, [("content-type", "application/json")], json.dumps(document).encode())
    headers = [(str(name).lower(), str(value)) for name, value in (document.get("headers") or {}).items()]
    headers += [("set-cookie", str(one)) for one in document.get("cookies") or []]
    if "content-type" not in dict(headers):
        headers.append(("content-type", "application/json"))
    body = str(document.get("body") or "")
    is_encoded = bool(document.get("isBase64Encoded"))
    return HttpResponse(int(document["statusCode"]), headers, base64.b64decode(body) if is_encoded else body.encode())
