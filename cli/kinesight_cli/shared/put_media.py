"""A PutMedia producer: sends fragments and reads acknowledgements at the same time on one connection."""

import http.client
import json
import random
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from kinesight.media import mkv_write as write
from kinesight.media.mkv import Tag, Track

from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.video_file import SourceFragment

IMAGE_GENERATION = "AWS_KINESISVIDEO_IMAGE_GENERATION"
IMAGE_PREFIX = "AWS_KINESISVIDEO_IMAGE_PREFIX"
NOTIFICATION = "AWS_KINESISVIDEO_NOTIFICATION"
END_OF_FRAGMENT = "AWS_KINESISVIDEO_END_OF_FRAGMENT"

_WINDOW = 8
"""Maximum number of fragments without an acknowledgement; more would only fill buffers."""
_TIMEOUT_S = 60.0
_ATTEMPTS = 6

_HINTS = {
    4001: "fragments are at most 50 MB: lower the bit rate or --fragment-ms",
    4002: "fragments are at most 20 s: lower --fragment-ms",
    4004: "its timestamp is before what was already sent: pass a later --start",
    4006: "the service cannot parse the Matroska that was sent",
    4008: "the stream is not ACTIVE",
    4009: "a fragment has at most 10 tags: pass fewer --metadata",
    4012: "a tag's name or value is too long, or its name begins with AWS",
    4500: "the stream's KMS key denies access",
}

_TRANSIENT = frozenset({4000, 4003, 5000, 5001})
"""Error ids after which the next connection may succeed: read error, maximum connection duration, internal errors
(https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_dataplane_PutMedia.html)."""


class ProducerError(CommandError):
    """Sending failed, and a retry cannot fix it."""


class ConnectionBrokenError(Exception):
    """The connection was lost. The next one resumes at the first fragment without an acknowledgement."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send: the PUT_MEDIA data endpoint, and the credentials to sign with."""

    stream_name: str
    endpoint: str
    region: str
    credentials: Credentials
    persisted: bool
    """Whether to wait for PERSISTED. With a retention of 0 hours the service sends RECEIVED only."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A fragment to send, with its tags. `origin_epoch_ms` is the moment, in epoch milliseconds, of `at_ms` 0."""

    fragment: SourceFragment
    origin_epoch_ms: int
    tags: tuple[Tag, ...] = ()

    @property
    def timecode_ms(self) -> int:
        return self.origin_epoch_ms + round(self.fragment.start_ms)


@dataclass(slots=True)
class Sent:
    """Acknowledged fragments, their numbers, and the bytes sent."""

    fragments: int = 0
    bytes_sent: int = 0
    numbers: list[str] = field(default_factory=list)


class _Outbox:
    """Fragments of a source, each kept until it is acknowledged, so that the next connection can repeat it."""

    def __init__(self, source: Iterable[Outgoing]) -> None:
        self._source = iter(source)
        self._kept: deque[Outgoing] = deque()
        self._exhausted = False

    @property
    def is_empty(self) -> bool:
        return self._exhausted and not self._kept

    def fragments(self) -> Iterator[Outgoing]:
        yield from tuple(self._kept)
        for outgoing in self._source:
            self._kept.append(outgoing)
            yield outgoing
        self._exhausted = True

    def acknowledge(self, timecode_ms: int) -> None:
        kept = next((one for one in tuple(self._kept) if one.timecode_ms == timecode_ms), None)
        if kept is not None:
            self._kept.remove(kept)


def put_media(
    target: Target,
    track: Track,
    source: Iterable[Outgoing],
    progress: Callable[[int], None],
    *,
    sent: Sent | None = None,
    keeps_trying: Callable[[int], bool] = lambda failures: failures < _ATTEMPTS,
) -> Sent:
    """Sends all fragments of a source, which is read no faster than they are acknowledged. Adds to `sent`.

    Calls `progress(acknowledged fragments)`. Raises ProducerError. After a broken connection it reconnects with full
    jitter if `keeps_trying(broken connections in succession)`, and resumes at the first unacknowledged fragment. The
    service may then store one fragment twice, as with every KVS producer.
    """
    sent = sent or Sent()
    outbox = _Outbox(source)
    failures = 0
    while not outbox.is_empty:
        before = sent.fragments
        try:
            _Connection(target, track, outbox, progress, sent).send()
        except ConnectionBrokenError as error:
            failures = 1 if sent.fragments > before else failures + 1
            if not keeps_trying(failures):
                raise ProducerError(f"the connection to {target.endpoint} failed {failures} times: {error}") from error
            time.sleep(random.uniform(0, min(5.0, 0.2 * 2 ** min(failures, 10))))
    return sent


class _Connection:
    """One PutMedia connection."""

    def __init__(
        self, target: Target, track: Track, outbox: _Outbox, progress: Callable[[int], None], sent: Sent
    ) -> None:
        self._target = target
        self._track = track
        self._outbox = outbox
        self._progress = progress
        self._sent = sent
        self._changed = threading.Condition()
        self._open: set[int] = set()
        self._error: Exception | None = None
        self._ended = False

    def send(self) -> None:
        fragments = self._outbox.fragments()
        first = next(fragments, None)
        if first is None:
            return
        connection = self._connect(first.origin_epoch_ms)
        reader: threading.Thread | None = None
        try:
            self._write(self._header())
            reader = threading.Thread(target=self._read_acknowledgements, args=(connection,), daemon=True)
            reader.start()
            for outgoing in chain([first], fragments):
                self._wait(lambda: len(self._open) < _WINDOW)
                self._write_fragment(outgoing)
            self._write(write.tags([Tag(END_OF_FRAGMENT, "")]))
            self._wait(lambda: not self._open)
            self._socket.sendall(b"0\r\n\r\n")
            reader.join(timeout=_TIMEOUT_S)  # the service ends its response when it has read the end of the request
        except OSError as error:
            raise ConnectionBrokenError(str(error)) from error
        finally:
            # Ends the reader's blocking read. Closing the connection while it reads would break http.client.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            if reader is not None:
                reader.join(timeout=5)
            connection.close()

    def _connect(self, start_epoch_ms: int) -> http.client.HTTPConnection:
        address = urlsplit(self._target.endpoint)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=_TIMEOUT_S)
        connection.putrequest("POST", "/putMedia", skip_accept_encoding=True)
        for name, value in self._signed_headers(start_epoch_ms).items():
            if name.lower() != "host":
                connection.putheader(name, value)
        try:
            connection.endheaders()
        except OSError as error:
            raise ConnectionBrokenError(str(error)) from error
        # Kept, because getresponse detaches the socket if the response closes the connection.
        self._socket = connection.sock
        return connection

    def _signed_headers(self, start_epoch_ms: int) -> dict[str, str]:
        """Signs an empty body, as AWS's producer SDK does: the length of the real one is not known yet."""
        headers = {
            "x-amzn-stream-name": self._target.stream_name,
            "x-amzn-fragment-timecode-type": "ABSOLUTE",
            "x-amzn-producer-start-timestamp": f"{start_epoch_ms / 1000:.3f}",
        }
        request = AWSRequest("POST", f"{self._target.endpoint}/putMedia", headers=headers, data=b"")
        SigV4Auth(self._target.credentials, "kinesisvideo", self._target.region).add_auth(request)
        return dict(request.headers.items()) | {"Transfer-Encoding": "chunked"}

    def _header(self) -> bytes:
        return write.ebml_header() + write.segment_start() + write.info() + write.tracks([self._track])

    def _write_fragment(self, outgoing: Outgoing) -> None:
        with self._changed:
            self._open.add(outgoing.timecode_ms)
        body = write.cluster(outgoing.timecode_ms, _blocks(outgoing))
        tags = b"".join(write.tags([tag]) for tag in outgoing.tags)
        self._write(body + tags)

    def _write(self, data: bytes) -> None:
        self._socket.sendall(b"%x\r\n" % len(data) + data + b"\r\n")
        self._sent.bytes_sent += len(data)

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + _TIMEOUT_S
        with self._changed:
            while not condition():
                if self._error is not None:
                    raise self._error
                if self._ended or (not self._changed.wait(timeout=1) and time.monotonic() > deadline_s):
                    raise ConnectionBrokenError("no acknowledgement arrived")
            if self._error is not None:
                raise self._error

    def _read_acknowledgements(self, connection: http.client.HTTPConnection) -> None:
        try:
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise _rejection(response)
            for acknowledgement in _acknowledgements(response):
                self._process(acknowledgement)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._end(ConnectionBrokenError(str(error)))
        except (ProducerError, ConnectionBrokenError) as error:
            self._end(error)
        else:
            self._end(None)

    def _process(self, acknowledgement: dict[str, Any]) -> None:
        kind = acknowledgement.get("EventType")
        if kind == "ERROR":
            raise _error(acknowledgement)
        if kind == ("PERSISTED" if self._target.persisted else "RECEIVED"):
            with self._changed:
                self._open.discard(acknowledgement["FragmentTimecode"])
                self._outbox.acknowledge(acknowledgement["FragmentTimecode"])
                self._sent.fragments += 1
                self._sent.numbers.append(acknowledgement["FragmentNumber"])
                self._changed.notify_all()
            self._progress(self._sent.fragments)

    def _end(self, error: Exception | None) -> None:
        with self._changed:
            self._error = error
            self._ended = True
            self._changed.notify_all()


def _blocks(outgoing: Outgoing) -> Iterator[bytes]:
    cluster_ms = outgoing.timecode_ms - outgoing.origin_epoch_ms
    for frame in outgoing.fragment.frames:
        yield write.simple_block(1, round(frame.at_ms) - cluster_ms, frame.keyframe, frame.data)


def _acknowledgements(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    for line in response:
        if line.strip():
            yield json.loads(line)


def _rejection(response: http.client.HTTPResponse) -> ProducerError | ConnectionBrokenError:
    body = response.read(2000).decode(errors="replace")
    kind = response.headers.get("x-amzn-ErrorType", "")
    text = f"PutMedia was rejected ({response.status} {kind}): {body}"
    if response.status >= http.client.INTERNAL_SERVER_ERROR or "LimitExceeded" in kind:
        return ConnectionBrokenError(text)  # a stream has one connection, which the service may not have ended yet
    return ProducerError(text)


def _error(acknowledgement: dict[str, Any]) -> ProducerError | ConnectionBrokenError:
    error_id = acknowledgement.get("ErrorId")
    text = f"the service rejected a fragment: {acknowledgement.get('ErrorCode')} ({error_id})"
    if error_id in _TRANSIENT:
        return ConnectionBrokenError(text)
    hint = _HINTS.get(error_id) if isinstance(error_id, int) else None
    return ProducerError(f"{text}; {hint}" if hint else text)
