"""Total deadlines of calls to models. A socket's timeout is for each piece: a model that sends one byte after another
never triggers it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from kinesight.adapters.aws.peer_check import check_peer

if TYPE_CHECKING:
    from botocore.response import StreamingBody

_AT_ONCE_S = 0.001


class Deadline:
    """Shuts the connection of this thread's exchange down after some seconds, if it was opened by `DeadlinePool`."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._is_finished = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        _exchange.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:  # the connection is then used for other exchanges
            self._is_finished = True
        self._timer.cancel()
        _exchange.deadline = None

    def watch(self, connection: socket.socket | None) -> None:
        """Begins to watch a connection."""
        with self._lock:
            self._socket = connection
            self._shut_if_over()

    def _expire(self) -> None:
        with self._lock:
            self.is_over = not self._is_finished
            self._shut_if_over()

    def _shut_if_over(self) -> None:
        if self.is_over and self._socket is not None:
            with suppress(OSError):  # it may be closed already
                socket.socket.shutdown(
                    self._socket, socket.SHUT_RDWR
                )  # of TLS too, whose own shutdown is for one thread


class _Exchange(threading.local):
    deadline: Deadline | None = None


_exchange = _Exchange()


class _Connection(HTTPConnection):
    _sends_images_in_the_clear = True

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        check_peer(connected, must_be_private=self._sends_images_in_the_clear)
        return connected

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3's own
        """Has the deadline watch the connection, which a new request may have opened."""
        if _exchange.deadline is not None:
            _exchange.deadline.watch(self.sock)
        return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    _sends_images_in_the_clear = False


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlinePool(urllib3.PoolManager):
    """Connections that a Deadline ends. Raises AddressRefusedError for an address that must not be called."""

    def __init__(self, connections: int) -> None:
        super().__init__(maxsize=connections, cert_reqs="CERT_REQUIRED")
        self.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


@contextmanager
def body_deadline(body: StreamingBody, until_s: float) -> Iterator[None]:
    """Ends reading a body of botocore after a moment of the monotonic clock: the piece that is awaited then is the last
    one, so reading ends at the latest a read timeout later. It raises ReadTimeoutError."""

    def expire() -> None:
        with suppress(Exception):  # the body may be closed already
            body.set_socket_timeout(_AT_ONCE_S)

    timer = threading.Timer(max(0.0, until_s - time.monotonic()), expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
