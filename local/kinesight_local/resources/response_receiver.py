"""The ResponseURL of custom resources: stands in for CloudFormation's pre-signed S3 addresses, on loopback."""

import json
import threading

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kinesight_local.kvs.http.threaded_server import ThreadedServer
from kinesight_local.template import Document


class ResponseReceiver(ThreadedServer):
    """Keeps each response by request id, and forwards it to moto if moto waits for it."""

    def __init__(self) -> None:
        self._responses: dict[str, Document] = {}
        self._forward_urls: dict[str, str] = {}
        self._changed = threading.Condition()
        super().__init__(Starlette(routes=[Route("/{request_id}", self._put, methods=["PUT"])]), "127.0.0.1", 0)

    def address(self, request_id: str, *, forward_to: str | None = None) -> str:
        """The ResponseURL for a request. `forward_to`: the URL that gets a copy of the response."""
        if forward_to is not None:
            self._forward_urls[request_id] = forward_to
        return f"{self.url}/{request_id}"

    def record(self, request_id: str, response: Document) -> None:
        """Records the response of a function that has failed before it sent one."""
        with self._changed:
            self._responses.setdefault(request_id, response)
            self._changed.notify_all()

    def wait(self, request_id: str, timeout_s: float) -> Document:
        """The function's response. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: request_id in self._responses, timeout_s):
                raise TimeoutError(f"no response for custom resource request {request_id} within {timeout_s:g} s")
            return self._responses[request_id]

    async def _put(self, request: Request) -> Response:
        request_id = request.path_params["request_id"]
        body = await request.body()
        if request_id in self._forward_urls:
            await run_in_threadpool(httpx.put, self._forward_urls[request_id], content=body, timeout=10)
        self.record(request_id, json.loads(body))
        return Response(status_code=200)
