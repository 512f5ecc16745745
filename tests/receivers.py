"""A webhook receiver on loopback, over TLS, with configurable replies: correct, broken, slow, endless."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Reply = Callable[[ssl.SSLSocket], None]


def says(status: int, *headers: str, body: bytes = b"ok") -> Reply:
    """A reply with a body, the usual way."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + body)


def hangs_up(_: ssl.SSLSocket) -> None:
    """No reply at all."""


def hangs(seconds: float) -> Reply:
    """Takes the message, and is silent."""
    return lambda _: time.sleep(seconds)


def drips(seconds: float) -> Reply:
    """One letter of a header at a time, so that no socket ever waits for long."""

    def drip(connection: ssl.SSLSocket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(round(seconds * 20)):
            connection.sendall(b"x")
            time.sleep(0.05)

    return drip


def floods(connection: ssl.SSLSocket) -> None:
    """A body of 1 GB, if the client reads it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _ in range(16_384):
        connection.sendall(b"x" * 65536)


@dataclass
class Request:
    """What was posted."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Sends `replies` in turn, and then repeats the last one."""

    folder: Path
    replies: list[Reply] = field(default_factory=lambda: [says(200)])
    requests: list[Request] = field(default_factory=list)
    handshake_s: float = 0

    def __post_init__(self) -> None:
        certificate = _certificate(self.folder)
        self.trust = ssl.create_default_context(cafile=str(certificate))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # a close alone leaves the accept that waits in peace
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._respond, args=(plain,), daemon=True).start()

    def _respond(self, plain: socket.socket) -> None:
        time.sleep(self.handshake_s)
        try:
            with plain, self._context.wrap_socket(plain, server_side=True) as connection:
                self.requests.append(_read(connection))
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                reply(connection)
        except (IndexError, OSError):
            return  # the other side left, or said nothing, which is what some tests are about


def _read(connection: ssl.SSLSocket) -> Request:
    with connection.makefile("rb") as lines:
        path = lines.readline().split()[1].decode()
        headers = {}
        while (line := lines.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return Request(path, headers, lines.read(int(headers["content-length"])))


def _certificate(folder: Path) -> Path:
    """Key and certificate of 127.0.0.1, for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, False, False, False), critical=True)
    )
    pem = folder / "receiver.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    return pem
