"""Trouble on purpose between the functions and any AWS service: an HTTP proxy that answers badly by given rules.

kvs/faults.py does the same inside the Kinesis Video Streams emulator. Here the service itself is left alone, so
`LOST` can let it carry out a call and keep the answer back, which is what makes retries do things twice.
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

from kinesight_local.fault_forms import Call, Form, call_of, failed, throttled

_UPSTREAM_S = 60
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server", "content-length"})
_RESET = struct.pack("ii", 1, 0)
_LISTS = {"PutRecords": ("Records", "FailedRecordCount"), "PutEvents": ("Entries", "FailedEntryCount")}
"""Operations that may refuse a part of what they were given under status 200."""


class Kind(StrEnum):
    """How a call goes wrong. CUT ends the connection before the service sees the call, LOST after it has carried it
    out. PARTIAL refuses some of a call's items, where an operation takes several."""

    THROTTLED = "throttled"
    FAILING = "failing"
    SLOW = "slow"
    CUT = "cut"
    LOST = "lost"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A rule. `service` is the signing name, `service` and `operation` may be patterns; `delay_ms` is SLOW's."""

    kind: Kind
    service: str = "*"
    operation: str = "*"
    probability: float = 1.0
    delay_ms: int = 500

    def strikes(self, call: Call, chance: Callable[[], float]) -> bool:
        meant = fnmatchcase(call.service, self.service) and fnmatchcase(call.operation, self.operation)
        partly = self.kind is not Kind.PARTIAL or call.operation in _LISTS
        return meant and partly and (self.probability >= 1 or chance() < self.probability)


class Troubles:
    """The rules in force, and what came of them: `used` by service and kind. Callable from any thread."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._rules: tuple[Trouble, ...] = ()
        self.used: Counter[tuple[str, Kind]] = Counter()
        self.lost: Counter[tuple[str, str]] = Counter()
        """Answers that were kept back, by service and operation."""

    def replace(self, rules: Sequence[Trouble]) -> None:
        """From now on."""
        with self._lock:
            self._rules = tuple(rules)

    def draw(self, call: Call) -> Trouble | None:
        """The first rule that strikes now."""
        with self._lock:
            found = next((rule for rule in self._rules if rule.strikes(call, self._chance.random)), None)
            if found is not None:
                self.used[call.service, found.kind] += 1
            if found is not None and found.kind is Kind.LOST:
                self.lost[call.service, call.operation] += 1
        return found

    def some_of(self, count: int) -> set[int]:
        """At least one index below `count`, which must be positive."""
        with self._lock:
            return set(self._chance.sample(range(count), self._chance.randint(1, count)))


class FaultProxy:
    """A context manager: `url` passes everything on to `upstream`, but for what `troubles` say."""

    def __init__(self, upstream: str, troubles: Troubles) -> None:
        class Handler(_Handler):
            address = urlsplit(upstream).netloc
            book = troubles

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
        """A client that was killed, or whose connection was cut, is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    address: str
    book: Troubles

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass

    def _take(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = call_of(self.command, self.path, headers, body)
        trouble = self.book.draw(call) if call is not None else None
        answer = self._pass_on(body) if call is None or trouble is None else self._troubled(call, trouble, body)
        if answer is None:
            self._cut()
        else:
            self._answer(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _take  # noqa: N815 - names that the base class looks for

    def _troubled(self, call: Call, trouble: Trouble, body: bytes) -> Form | None:
        """None for no answer at all."""
        match trouble.kind:
            case Kind.THROTTLED:
                return throttled(call)
            case Kind.FAILING:
                return failed(call)
            case Kind.SLOW:
                time.sleep(trouble.delay_ms / 1000)  # the delay is the trouble
                return self._pass_on(body)
            case Kind.LOST:
                self._pass_on(body)
                return None
            case Kind.PARTIAL:
                return self._partly(call, body)
            case Kind.CUT:
                return None

    def _partly(self, call: Call, body: bytes) -> Form:
        name, failures = _LISTS[call.operation]
        document = json.loads(body)
        items = document[name]
        refused = self.book.some_of(len(items))
        taken = [item for index, item in enumerate(items) if index not in refused]
        passed = self._pass_on(json.dumps(document | {name: taken}).encode()) if taken else Form(200, {}, b"{}")
        if passed.status != 200:
            return passed
        given = iter(json.loads(passed.body).get(name, []))
        reason = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        told = [reason if index in refused else next(given) for index in range(len(items))]
        answer = json.dumps({failures: len(refused), name: told}).encode()
        return Form(200, {"Content-Type": "application/x-amz-json-1.1"}, answer)

    def _pass_on(self, body: bytes) -> Form:
        connection = http.client.HTTPConnection(self.address, timeout=_UPSTREAM_S)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(self.command, self.path, body=body or None, headers=headers | {"Connection": "close"})
            answer = connection.getresponse()
            told = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            if self.command == "HEAD":
                told["Content-Length"] = answer.getheader("Content-Length", "0")
            return Form(answer.status, told, answer.read())
        finally:
            connection.close()

    def _answer(self, form: Form) -> None:
        self.send_response(form.status)
        for name, value in form.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in form.headers:
            self.send_header("Content-Length", str(len(form.body)))
        self.end_headers()
        self.wfile.write(form.body)

    def _cut(self) -> None:
        """The client sees a reset, as when a host or a load balancer goes away."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def _body(self) -> bytes | None:
        """None where the client went away while it sent it."""
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
