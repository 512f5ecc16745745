"""Requests as no client makes them: these tidy paths, and send what they began."""

import http.client
import socket
from urllib.parse import urlsplit

from kinesight_local.viewer import ViewerServer


def raw(viewer: ViewerServer, path: str, **headers: str) -> tuple[int, bytes]:
    """A GET of exactly this path, with the token unless a header says otherwise: status and body."""
    connection = http.client.HTTPConnection(urlsplit(viewer.url).netloc, timeout=60)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in {"Authorization": f"Bearer {viewer.token}", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def half_a_put(url: str, path: str, body: bytes) -> None:
    """As a process sends it that is killed meanwhile. Returns when the server has ended the connection, too."""
    server = urlsplit(url)
    with socket.create_connection((server.hostname, server.port), timeout=60) as connection:
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: {server.netloc}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(head.encode() + body[: len(body) // 2])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1024):
            pass
