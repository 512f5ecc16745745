"""Fault injection between functions and any AWS service: an HTTP proxy that fails calls by rules.

kvs/faults.py does the same inside the Kinesis Video Streams emulator. The service behind the proxy is unchanged, so
LOST can carry out a call and suppress its response, after which a retry carries the call out twice.
"""

import http.client
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from kinesight_local.fault_injection.error_responses import Call, HttpResponse, call_of, failed, throttled

_UPSTREAM_S = 60
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server", "content-length"})
_RESET = struct.pack("ii", 1, 0)
_LISTS = {"PutRecords": ("Records", "FailedRecordCount"), "PutEvents": ("Entries", "FailedEntryCount")}
"""Operations that can reject some of their items with status 200: (list, failure count)."""


class FaultKind(StrEnum):
    """How a call fails. CUT closes the connection before the service receives the call, LOST after the service has
    carried it out. PARTIAL rejects some of a call's items, for operations that take several."""

    THROTTLED = "throttled"
    FAILING = "failing"
    SLOW = "slow"
    CUT = "cut"
    LOST = "lost"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class FaultRule:
    """`service` is the signing name; `service` and `operation` may be patterns. `delay_ms` is for SLOW."""

    kind: FaultKind
    service: str = "*"
    operation: str = "*"
    probability: float = 1.0
    delay_ms: int = 500

    def applies(self, call: Call, random_number: Callable[[], float]) -> bool:
        """Whether this call fails. `random_number` returns a number in [0, 1)."""
        is_match = fnmatchcase(call.service, self.service) and fnmatchcase(call.operation, self.operation)
        is_possible = self.kind is not FaultKind.PARTIAL or call.operation in _LISTS
        return is_match and is_possible and (self.probability >= 1 or random_number() < self.probability)


class FaultRules:
    """The current rules, and how often they have applied: `used` by service and kind. May be called from any thread."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._rules: tuple[FaultRule, ...] = ()
        self.used: Counter[tuple[str, FaultKind]] = Counter()
        self.lost: Counter[tuple[str, str]] = Counter()
        """Suppressed responses by service and operation."""

    def replace(self, rules: Sequence[FaultRule]) -> None:
        """Replaces all rules."""
        with self._lock:
            self._rules = tuple(rules)

    def draw(self, call: Call) -> FaultRule | None:
        """The first rule that applies to this call, if any."""
        with self._lock:
            found = next((rule for rule in self._rules if rule.applies(call, self._random.random)), None)
            if found is not None:
                self.used[call.service, found.kind] += 1
            if found is not None and found.kind is FaultKind.LOST:
                self.lost[call.service, call.operation] += 1
        return found

    def some_of(self, count: int) -> set[int]:
        """Random indices below `count`, at least one. `count` must be positive."""
        with self._lock:
            return set(self._random.sample(range(count), self._random.randint(1, count)))


class FaultProxy:
    """A context manager. Forwards requests from `url` to `upstream`, except those that a rule fails."""

    def __init__(self, upstream: str, fault_rules: FaultRules) -> None:
        class Handler(_Handler):
            address = urlsplit(upstream).netloc
            rules = fault_rules

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"faults {upstream}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs nothing: clients are killed and connections are cut on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    address: str
    rules: FaultRules

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass

    def _handle(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = call_of(self.command, self.path, headers, body)
        rule = self.rules.draw(call) if call is not None else None
        response = self._forward(body) if call is None or rule is None else self._failed(call, rule, body)
        if response is None:
            self._cut()
        else:
            self._send(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - names that the base class calls

    def _failed(self, call: Call, rule: FaultRule, body: bytes) -> HttpResponse | None:
        """None closes the connection."""
        match rule.kind:
            case FaultKind.THROTTLED:
                return throttled(call)
            case FaultKind.FAILING:
                return failed(call)
            case FaultKind.SLOW:
                time.sleep(rule.delay_ms / 1000)  # the injected fault
                return self._forward(body)
            case FaultKind.LOST:
                self._forward(body)
                return None
            case FaultKind.PARTIAL:
                return self._partial(call, body)
            case FaultKind.CUT:
                return None

    def _partial(self, call: Call, body: bytes) -> HttpResponse:
        name, failures = _LISTS[call.operation]
        document = json.loads(body)
        items = document[name]
        rejected = self.rules.some_of(len(items))
        accepted = [item for index, item in enumerate(items) if index not in rejected]
        passed = (
            self._forward(json.dumps(document | {name: accepted}).encode())
            if accepted
            else HttpResponse(200, {}, b"{}")
        )
        if passed.status != 200:
            return passed
        results = iter(json.loads(passed.body).get(name, []))
        reason = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        entries = [reason if index in rejected else next(results) for index in range(len(items))]
        document = json.dumps({failures: len(rejected), name: entries}).encode()
        return HttpResponse(200, {"Content-Type": "application/x-amz-json-1.1"}, document)

    def _forward(self, body: bytes) -> HttpResponse:
        connection = http.client.HTTPConnection(self.address, timeout=_UPSTREAM_S)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(self.command, self.path, body=body or None, headers=headers | {"Connection": "close"})
            response = connection.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
            if self.command == "HEAD":
                kept["Content-Length"] = response.getheader("Content-Length", "0")
            return HttpResponse(response.status, kept, response.read())
        finally:
            connection.close()

    def _send(self, response: HttpResponse) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in response.headers:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def _cut(self) -> None:
        """Resets the connection, as when a host or a load balancer fails."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def _body(self) -> bytes | None:
        """None if the client disconnected during the request."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def _chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return chunks
