"""Serves the viewer on loopback: the page from its bucket, and the API.

On AWS, this is CloudFront in front of an HTTP API with an authorizer. There is no sign-in here: a token in the URL,
generated at every start, authorizes requests. The token and the check of the Host header keep out other users of this
machine, and web pages whose host name resolves to loopback (DNS rebinding).
"""

import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from botocore.exceptions import ClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kinesight_local.http_api import (
    MOST_BODY_BYTES,
    HttpRequest,
    HttpResponse,
    HttpRoute,
    error_response,
    event_of,
    response_of,
)
from kinesight_local.kvs.http.threaded_server import ThreadedServer

_API = "/api/"
_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
_PLAIN_PATH = re.compile(r"/(?:[^/\\%\x00-\x1f\x7f]+/)*[^/\\%\x00-\x1f\x7f]*")
_SIGN_IN = HttpResponse(200, [("content-type", "application/json"), ("cache-control", "no-cache")], b"{}")
"""The page's config.json without a sign-in: the token in the URL replaces it."""
_UNAUTHORIZED = error_response(401, "Unauthorized")
_NOT_FOUND = error_response(404, "Not Found")


@dataclass(frozen=True, slots=True)
class Web:
    """What a stack serves to browsers: the page's bucket, the headers of every response, the API's routes."""

    bucket: str
    headers: Mapping[str, str]
    routes: Sequence[HttpRoute]


class ViewerServer(ThreadedServer):
    """On 127.0.0.1 only. Compresses the page but not the API, as the template's distribution does."""

    def __init__(self, web: Web, s3: Any, addresses: Sequence[str], port: int = 0) -> None:
        """`addresses`: the URLs of this cloud's S3 and KVS, which the page may load from."""
        self._web = web
        self._s3 = s3
        self.token = secrets.token_urlsafe(32)
        api = Route(f"{_API}{{path:path}}", self._handle, methods=_METHODS)
        compressed = [Middleware(GZipMiddleware)]
        page = Route("/{path:path}", self._handle, methods=_METHODS, middleware=compressed)
        super().__init__(Starlette(routes=[api, page]), "127.0.0.1", port)
        self.check = None  # `_reply` checks the host, and the API the token: links of other sites may open the page
        _, _, host = self.url.rpartition("/")
        self._hosts = frozenset({host, host.replace("127.0.0.1", "localhost")})
        self._headers = dict(web.headers)
        policy = self._headers.get("Content-Security-Policy", "")
        self._headers["Content-Security-Policy"] = with_sources(policy, addresses)

    @property
    def address(self) -> str:
        """The URL with the token, in the fragment because browsers do not send fragments to servers."""
        return f"{self.url}/#token={self.token}"

    async def _handle(self, request: Request) -> Response:
        reply = await run_in_threadpool(self._reply, await _read(request))
        response = Response(reply.body, reply.status)
        for name, value in reply.headers:
            response.headers.append(name, value)
        response.headers.update(self._headers)
        return response

    def _reply(self, request: HttpRequest | None) -> HttpResponse:
        if request is None:
            return error_response(413, "Request Entity Too Large")
        if request.header("host") not in self._hosts:
            return error_response(403, "Forbidden")
        if not is_plain(request.path):
            return _NOT_FOUND
        return self._call_api(request) if request.path.startswith(_API) else self._page(request)

    # -- the API -------------------------------------------------------------------------------------------------------

    def _call_api(self, request: HttpRequest) -> HttpResponse:
        for route in self._web.routes:
            parameters = route.match(request.method, request.path)
            if parameters is not None:
                if route.has_authorizer and not self._is_authorized(request.header("authorization")):
                    return _UNAUTHORIZED
                return response_of(route.invoke(event_of(request, route, parameters, self._claims())))
        return _NOT_FOUND

    def _is_authorized(self, authorization: str) -> bool:
        return hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode())

    def _claims(self) -> dict[str, Any]:
        return {"iss": self.url, "aud": "local", "sub": "local", "email": "local@localhost", "token_use": "id"}

    # -- the page ------------------------------------------------------------------------------------------------------

    def _page(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return error_response(403, "Forbidden")
        name = request.path.removeprefix("/") or "index.html"
        if name == "config.json":
            return _SIGN_IN
        try:
            found = self._s3.get_object(Bucket=self._web.bucket, Key=name)
        except ClientError:
            return _NOT_FOUND
        headers = [("content-type", found["ContentType"]), ("etag", found["ETag"])]
        headers.append(("cache-control", found.get("CacheControl", "")))
        if request.header("if-none-match") == found["ETag"]:
            return HttpResponse(304, headers)
        return HttpResponse(200, headers, found["Body"].read())


async def _read(request: Request) -> HttpRequest | None:
    """None if the body is too large."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            return None
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    path = unquote_to_bytes(request.scope["raw_path"].partition(b"?")[0]).decode(errors="replace")
    return HttpRequest(request.method, path, request.url.query, headers, body)


def is_plain(path: str) -> bool:
    """Whether a decoded path has no `..`, no double encoding and no other separators."""
    return bool(_PLAIN_PATH.fullmatch(path)) and not {".", ".."} & set(path.split("/"))


def with_sources(policy: str, addresses: Sequence[str]) -> str:
    """A Content-Security-Policy with these sources in every directive that allows other sources than the page's own."""
    directives = [one.strip() for one in policy.split(";") if one.strip()]
    return "; ".join(" ".join([one, *addresses]) if "https://" in one else one for one in directives)
