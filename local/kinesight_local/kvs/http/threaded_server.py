"""Runs an ASGI application on a port, in a thread."""

import socket
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.responses import JSONResponse

from kinesight_local.kvs.http.request_check import RequestCheck

_START_S = 20


class AddressUnavailableError(Exception):
    """Another process uses the port, or the host is not this machine."""


class ThreadedServer:
    """`port` 0 selects a free port. The constructor binds the socket, so `url` is valid before `start`.
    `observer` is called with the ASGI scope of every request, `check` refuses those of web pages (None: the application
    does), except requests that `is_public` permits to pages of any site.

    Raises AddressUnavailableError.
    """

    def __init__(self, app: Any, host: str, port: int) -> None:
        self._app = app
        self.check: RequestCheck | None = RequestCheck([host])
        self.is_public: Callable[[Mapping[str, Any]], bool] = lambda _: False
        self.observer: Callable[[Mapping[str, Any]], None] = lambda _: None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise AddressUnavailableError(f"cannot listen at {host}:{port}: {error.strerror}") from error
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            self._respond,
            log_level="warning",
            access_log=False,
            http="h11",
            interface="asgi3",
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name=f"http {self.url}", daemon=True)

    def start(self) -> None:
        """Returns once connections are accepted. Raises RuntimeError after 20 seconds."""
        self._thread.start()
        deadline_s = time.monotonic() + _START_S
        while not self._server.started:
            if time.monotonic() > deadline_s or not self._thread.is_alive():
                raise RuntimeError(f"the server at {self.url} did not start within {_START_S} s")
            time.sleep(0.01)  # uvicorn has no event for it

    def stop(self) -> None:
        """Closes open connections after two seconds."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    async def _respond(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.observer(scope)
        problem = self._problem(scope)
        application = self._app if problem is None else _refused(problem)
        await application(scope, receive, send)

    def _problem(self, scope: Mapping[str, Any]) -> str | None:
        if self.check is None:
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return self.check.problem(headers, is_public=self.is_public(scope))

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _refused(problem: str) -> JSONResponse:
    return JSONResponse({"Message": problem, "message": problem}, 403, {"x-amzn-ErrorType": "AccessDeniedException"})
