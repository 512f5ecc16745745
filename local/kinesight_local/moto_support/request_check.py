"""Refuses requests to moto that web pages make, as `kinesight_local.kvs.http.request_check` does for the emulator.

Links to S3 are signed, so pages of any site may follow them.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from kinesight_local.kvs.http.request_check import RequestCheck

type Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def refusing_pages(application: Wsgi) -> Wsgi:
    """Wraps moto's application."""
    check = RequestCheck()

    def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        is_read = environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS")
        problem = check.problem(headers, is_public=is_read and "Signature=" in str(environ["REQUEST_URI"]))
        if problem is None:
            return application(environ, start_response)
        body = json.dumps({"__type": "AccessDeniedException", "message": problem}).encode()
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return respond
