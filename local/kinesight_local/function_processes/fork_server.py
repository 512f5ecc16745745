"""Forks runtimes of functions: `python fork_server.py SOCKET`, until standard input ends.

Importing boto3 and the settings takes two thirds of a cold start, and a stack starts dozens of runtimes. A request is
one JSON document with the descriptors of the runtime's output; its connection stays open as long as the runtime runs.
If the requester ends, the runtime is killed; if the runtime ends, the connection is closed.
"""

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from typing import Any

_MOST_BYTES = 1 << 20
_REQUEST_S = 5
"""A requester sends as soon as it is connected; one that was killed in between sends nothing."""
_PRELOADED = (
    "boto3",
    "s3transfer.manager",
    "pydantic",
    "aws_lambda_powertools",
    "kinesight.detection_settings",
    "kinesight.lambda_events",
    "kinesight.domain.analysis.pipeline",
    "kinesight.domain.configuration.document",
)
"""None of them reads the environment when it is imported."""


class ForkServer:
    """One thread: a process with several could not be forked safely."""

    def __init__(self, path: str) -> None:
        self._own_path = list(sys.path[1:])
        self._selector = selectors.DefaultSelector()
        self._runtimes: dict[int, socket.socket] = {}
        self._is_loaded = False
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(path)
        self._listener.listen(64)
        self._wakeup = woken, waker = socket.socketpair()
        for one in (woken, waker):
            one.setblocking(False)
        signal.set_wakeup_fd(waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, the signal wakes nothing

    def serve(self) -> None:
        """Returns once standard input has ended; all runtimes are killed then."""
        woken, _ = self._wakeup
        for source in (self._listener, woken, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._start()
                elif key.fileobj is woken:
                    self._reap(woken)
                elif key.fileobj is sys.stdin:
                    self._kill(*self._runtimes)
                    return
                elif self._runtimes.get(key.data) is key.fileobj:  # else it has been reaped since the selection
                    self._kill(key.data)
                    self._selector.unregister(key.fileobj)

    def _start(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(_REQUEST_S)
        message: bytes = b""
        descriptors: list[int] = []
        with suppress(OSError):
            message, descriptors, _, _ = socket.recv_fds(connection, _MOST_BYTES, 2)
        if not message:
            connection.close()
            return
        request = json.loads(message)
        self._load(request["path"])
        pid = os.fork()
        if pid == 0:
            self._run(request, descriptors, connection)
        for one in descriptors:
            os.close(one)
        self._runtimes[pid] = connection
        self._selector.register(connection, selectors.EVENT_READ, pid)

    def _load(self, path: list[str]) -> None:
        if not self._is_loaded:
            self._is_loaded = True
            sys.path[:] = path + self._own_path
            gc.disable()
            for name in _PRELOADED:
                with suppress(ImportError):
                    importlib.import_module(name)
            gc.collect()
            gc.freeze()  # no runtime traverses these objects, or copies their pages for that
            gc.enable()

    def _run(self, request: dict[str, Any], descriptors: list[int], own: socket.socket) -> None:
        """In the new process; never returns."""
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for one in (self._listener, *self._wakeup, *self._runtimes.values(), own):
                one.close()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, descriptor in enumerate(descriptors, start=1):
                os.dup2(descriptor, number)
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["environment"])
            time.tzset()
            sys.path[:] = [*request["path"], *self._own_path]
            sys.argv = ["awslambdaric", *request["arguments"]]
            importlib.invalidate_caches()
            importlib.import_module("awslambdaric.__main__").main(sys.argv)
        except BaseException:  # noqa: BLE001 - the process ends here, whatever happened
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(1)

    def _reap(self, woken: socket.socket) -> None:
        with suppress(BlockingIOError):
            woken.recv(4096)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                connection = self._runtimes.pop(ended, None)
                if connection is not None:
                    with suppress(KeyError):
                        self._selector.unregister(connection)
                    connection.close()

    def _kill(self, *pids: int) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    ForkServer(sys.argv[1]).serve()
