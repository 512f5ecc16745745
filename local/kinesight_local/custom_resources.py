"""Where functions behind custom resources answer: CloudFormation's pre-signed addresses, on loopback."""

import json
import threading
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kinesight_local.http_server import ThreadedServer

Document = dict[str, Any]


class ResponseReceiver(ThreadedServer):
    """Keeps each answer by request id, and passes it on to moto where moto waits for it."""

    def __init__(self) -> None:
        self._answers: dict[str, Document] = {}
        self._forward: dict[str, str] = {}
        self._changed = threading.Condition()
        super().__init__(Starlette(routes=[Route("/{request_id}", self._put, methods=["PUT"])]), "127.0.0.1", 0)

    def address(self, request_id: str, *, forward_to: str | None = None) -> str:
        """The ResponseURL for a request."""
        if forward_to is not None:
            self._forward[request_id] = forward_to
        return f"{self.url}/{request_id}"

    def record(self, request_id: str, answer: Document) -> None:
        """What became of a request whose function could not answer itself."""
        with self._changed:
            self._answers.setdefault(request_id, answer)
            self._changed.notify_all()

    def wait(self, request_id: str, timeout_s: float) -> Document:
        """The function's answer. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: request_id in self._answers, timeout_s):
                raise TimeoutError(f"no answer for custom resource request {request_id}")
            return self._answers[request_id]

    async def _put(self, request: Request) -> Response:
        request_id = request.path_params["request_id"]
        body = await request.body()
        if request_id in self._forward:
            await run_in_threadpool(httpx.put, self._forward[request_id], content=body, timeout=10)
        self.record(request_id, json.loads(body))
        return Response(status_code=200)
