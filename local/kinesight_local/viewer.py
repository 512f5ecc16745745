"""The viewer as a browser meets it: the page out of its bucket, and the API, on loopback.

In AWS this is CloudFront with an HTTP API and its authorizer behind it. Here nobody signs in: whoever has the token of
the address, made anew at every start, may ask. Other users of this machine reach loopback too, and so do pages of the
open web once a name of theirs resolves to it (DNS rebinding): hence the token, and the look at the Host header.
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
    HttpAnswer,
    HttpRequest,
    HttpRoute,
    answer_of,
    event_of,
    refusal,
)
from kinesight_local.http_server import ThreadedServer

_API = "/api/"
_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
_PLAIN_PATH = re.compile(r"/(?:[^/\\%\x00-\x1f\x7f]+/)*[^/\\%\x00-\x1f\x7f]*")
_SIGN_IN = HttpAnswer(200, [("content-type", "application/json"), ("cache-control", "no-cache")], b"{}")
"""The page's config.json: the token in the address stands for signing in."""
_NOBODY = refusal(401, "Unauthorized")
_NOT_FOUND = refusal(404, "Not Found")


@dataclass(frozen=True, slots=True)
class Web:
    """What a stack serves to browsers: the page's bucket, the headers of every answer, the API's routes."""

    bucket: str
    headers: Mapping[str, str]
    routes: Sequence[HttpRoute]


class ViewerServer(ThreadedServer):
    """On 127.0.0.1 alone. The page is compressed and the API is not, as in the template's distribution."""

    def __init__(self, web: Web, s3: Any, addresses: Sequence[str], port: int = 0) -> None:
        """`addresses`: where this cloud's S3 and KVS are, which the page may load from as from AWS's."""
        self._web = web
        self._s3 = s3
        self.token = secrets.token_urlsafe(32)
        api = Route(f"{_API}{{path:path}}", self._asked, methods=_METHODS)
        compressed = [Middleware(GZipMiddleware)]
        page = Route("/{path:path}", self._asked, methods=_METHODS, middleware=compressed)
        super().__init__(Starlette(routes=[api, page]), "127.0.0.1", port)
        _, _, host = self.url.rpartition("/")
        self._hosts = frozenset({host, host.replace("127.0.0.1", "localhost")})
        self._headers = dict(web.headers)
        policy = self._headers.get("Content-Security-Policy", "")
        self._headers["Content-Security-Policy"] = opened_to(policy, addresses)

    @property
    def address(self) -> str:
        """With the token; a fragment is not sent to any server."""
        return f"{self.url}/#token={self.token}"

    async def _asked(self, request: Request) -> Response:
        answer = await run_in_threadpool(self._reply, await _read(request))
        response = Response(answer.body, answer.status)
        for name, value in answer.headers:
            response.headers.append(name, value)
        response.headers.update(self._headers)
        return response

    def _reply(self, request: HttpRequest | None) -> HttpAnswer:
        if request is None:
            return refusal(413, "Request Entity Too Large")
        if request.header("host") not in self._hosts:
            return refusal(403, "Forbidden")
        if not is_plain(request.path):
            return _NOT_FOUND
        return self._called(request) if request.path.startswith(_API) else self._page(request)

    # -- the API -------------------------------------------------------------------------------------------------------

    def _called(self, request: HttpRequest) -> HttpAnswer:
        for route in self._web.routes:
            parameters = route.match(request.method, request.path)
            if parameters is not None:
                if route.has_authorizer and not self._is_known(request.header("authorization")):
                    return _NOBODY
                return answer_of(route.invoke(event_of(request, route, parameters, self._claims())))
        return _NOT_FOUND

    def _is_known(self, authorization: str) -> bool:
        return hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode())

    def _claims(self) -> dict[str, Any]:
        return {"iss": self.url, "aud": "local", "sub": "local", "email": "local@localhost", "token_use": "id"}

    # -- the page ------------------------------------------------------------------------------------------------------

    def _page(self, request: HttpRequest) -> HttpAnswer:
        if request.method not in ("GET", "HEAD"):
            return refusal(403, "Forbidden")
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
            return HttpAnswer(304, headers)
        return HttpAnswer(200, headers, found["Body"].read())


async def _read(request: Request) -> HttpRequest | None:
    """None if its body is too large."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            return None
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    path = unquote_to_bytes(request.scope["raw_path"].partition(b"?")[0]).decode(errors="replace")
    return HttpRequest(request.method, path, request.url.query, headers, body)


def is_plain(path: str) -> bool:
    """Whether a path, decoded once, is what it seems: no `..`, nothing that is encoded twice, no other separators."""
    return bool(_PLAIN_PATH.fullmatch(path)) and not {".", ".."} & set(path.split("/"))


def opened_to(policy: str, addresses: Sequence[str]) -> str:
    """A Content-Security-Policy that lets in these addresses wherever it lets in others than the page's own."""
    directives = [one.strip() for one in policy.split(";") if one.strip()]
    return "; ".join(" ".join([one, *addresses]) if "https://" in one else one for one in directives)
