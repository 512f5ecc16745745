"""Counts the calls of AWS operations by calling function, at the receiving services.

Functions are identified by the application id that their environment sets for botocore ("Application ID", AWS SDKs and
Tools Reference Guide); other callers (pollers, emulators, people) have none. Retries by an SDK are counted separately,
as `<operation> again`.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import Any

from moto.sqs.models import SQSBackend

from kinesight_local.aws_requests import operation_of, service_of
from kinesight_local.moto_support.patches import install

_CALLER = re.compile(r"(?:^|\s)app/(\S+)")
_RETRY = re.compile(r"attempt=(?!1;|1$)")
_HEADERS = {
    "authorization": "HTTP_AUTHORIZATION",
    "user-agent": "HTTP_USER_AGENT",
    "x-amz-target": "HTTP_X_AMZ_TARGET",
    "content-type": "CONTENT_TYPE",
    "amz-sdk-request": "HTTP_AMZ_SDK_REQUEST",
}
_PLACES = ("TableName", "StreamName", "QueueUrl")


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """`caller`: the function's name or "". `place`: the table, stream or queue; for S3, the first part of the key."""

    caller: str
    service: str
    operation: str
    place: str = ""


class CallCounter:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[Call] = Counter()
        self._lock = Lock()

    def add(self, call: Call, count: int = 1) -> None:
        """Counts a call."""
        with self._lock:
            self._counts[call] += count

    def clear(self) -> None:
        """Resets all counts."""
        with self._lock:
            self._counts.clear()

    def counts(self) -> dict[Call, int]:
        """A copy of the counts."""
        with self._lock:
            return dict(self._counts)


type Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def counted(application: Wsgi, counter: CallCounter) -> Wsgi:
    """Wraps moto's application. Unsigned requests are not counted, because they are not calls of a service."""

    def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = {name: environ.get(key, "") for name, key in _HEADERS.items()}
        service = service_of(headers)
        if service is not None:
            _count(environ, service, headers, counter)
        return application(environ, start_response)

    return respond


def _count(environ: dict[str, Any], service: str, headers: Mapping[str, str], counter: CallCounter) -> None:
    caller, suffix = caller_of(headers["user-agent"]), retry_suffix(headers["amz-sdk-request"])
    body = b"" if service == "s3" else _body(environ)
    operation = operation_of(service, environ["REQUEST_METHOD"], environ["PATH_INFO"], headers, body)
    parameters = json.loads(body or b"{}") if headers["x-amz-target"] else {}
    place = _of_s3(environ["PATH_INFO"]) if service == "s3" else _of_json(parameters)
    counter.add(Call(caller, service, operation + suffix, place))
    if operation == "PutRecords":
        counter.add(Call(caller, service, "Record" + suffix, place), len(parameters["Records"]))


def _of_s3(path: str) -> str:
    bucket, _, key = path.lstrip("/").partition("/")
    return key.partition("/")[0] or bucket


def _of_json(parameters: Mapping[str, Any]) -> str:
    place = next((str(parameters[name]) for name in _PLACES if name in parameters), "")
    return place.rpartition("/")[2]


def _body(environ: dict[str, Any]) -> bytes:
    """Reads the body, and replaces the input so that the application can read it too."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def caller_of(user_agent: str) -> str:
    """The application id in a User-Agent header, or ""."""
    found = _CALLER.search(user_agent)
    return found[1] if found else ""


def retry_suffix(sdk_request: str) -> str:
    """ " again" if the header amz-sdk-request is that of a second or later attempt, else ""."""
    return " again" if _RETRY.search(sdk_request) else ""


def observer(counter: CallCounter) -> Callable[[Mapping[str, Any]], None]:
    """For ThreadedServer.observer: counts requests by their ASGI scope. /getMedia is GetMedia."""

    def observe(scope: Mapping[str, Any]) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        service = service_of(headers)
        if service is not None:
            named = operation_of(service, scope["method"], scope["path"], headers, b"")
            operation = named[:1].upper() + named[1:] + retry_suffix(headers.get("amz-sdk-request", ""))
            counter.add(Call(caller_of(headers.get("user-agent", "")), service, operation))

    return observe


def count_queued(counter: CallCounter) -> Callable[[], None]:
    """Counts every message that is added to a queue as `Queued`, including those of S3 and SNS, which send no request.
    Call the result to restore moto."""
    original = SQSBackend.send_message

    @wraps(original)
    def send_message(backend: SQSBackend, queue_name: str, *arguments: Any, **named: Any) -> Any:
        counter.add(Call("", "sqs", "Queued", queue_name))
        return original(backend, queue_name, *arguments, **named)

    return install((SQSBackend, "send_message", send_message))
