"""AlertChannel on a webhook: one POST per alert, only over TLS, to the URL in a secret.

The URL must not appear in logs, errors or traces. This module therefore uses the standard library's client instead of
urllib3, which logs paths at DEBUG, and reports a network error by its class name only, without the original error.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from threading import Event
from typing import Any

from kinesight.adapters.aws.peer_check import AddressRefusedError, check_peer
from kinesight.domain.errors import ChannelRefusedError, DeliveryError
from kinesight.domain.ports import Alert, Secret
from kinesight.domain.sessions.webhook_messages import Message
from kinesight.domain.sessions.webhook_target import WebhookTarget, parse_target

_STEP_SECONDS = 5
"""Timeout of the connection, and of each read from it."""

_PAUSE_SECONDS = 10
_LONGEST_PAUSE_SECONDS = 300
_MALFORMED = frozenset({400, 413, 422})
_RETRYABLE = frozenset({408, 425, 429})
_GONE = frozenset({401, 403, 404, 410})
"""Returned by Slack and Teams for a revoked URL; the secret may already contain the new one."""


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    retry_after: str | None


class WebhookAlerts:
    """Pauses for some seconds after a failure; alerts then fail immediately, so that a receiver that hangs costs each
    invocation one deadline instead of one per alert. Follows no redirects and reads no response bodies."""

    def __init__(
        self,
        secret: Secret,
        compose: Callable[[Alert], Sequence[Message]],
        *,
        tls: ssl.SSLContext,
        monotonic_s: Callable[[], float],
        deadline_s: float = 8,
    ) -> None:
        """`compose` returns the message, and simpler ones to send if the receiver rejects it as malformed."""
        self._secret = secret
        self._compose = compose
        self._tls = tls
        self._monotonic_s = monotonic_s
        self._deadline_s = deadline_s
        self._paused_until_s = float("-inf")

    def send(self, alert: Alert) -> None:
        """Sends one POST; sends another if the message was rejected as malformed or the URL has changed."""
        if self._monotonic_s() < self._paused_until_s:
            raise DeliveryError("the webhook is paused after a failure")
        text = self._secret.value()
        target = parse_target(text)
        response = self._send_to(target, alert)
        if response.status in _GONE:
            newer = parse_target(self._secret.renewed(text))
            response = response if newer == target else self._send_to(newer, alert)
        if not 200 <= response.status < 300:
            raise ChannelRefusedError(f"the webhook returned HTTP {response.status}")

    def _send_to(self, target: WebhookTarget, alert: Alert) -> _Response:
        response = _Response(400, None)
        for message in self._compose(alert):
            response = self._post(target, json.dumps(message).encode())
            if response.status in _RETRYABLE or response.status >= 500:
                raise self._failure(f"the webhook returned HTTP {response.status}", response.retry_after)
            if response.status not in _MALFORMED:
                break
        return response

    def _post(self, target: WebhookTarget, body: bytes) -> _Response:
        """Applies one deadline to the whole exchange: a slow but steady response never triggers a socket timeout."""
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="webhook")
        connection = _CheckedConnection(target.host, target.port, timeout=_STEP_SECONDS, context=self._tls)
        over = Event()
        try:
            return pool.submit(_exchange, connection, target, body, over).result(self._deadline_s)
        except AddressRefusedError as error:
            raise ChannelRefusedError(f"the webhook is not called: {error}") from None
        except (OSError, HTTPException, ValueError) as error:
            reason = type(error).__name__
        finally:
            over.set()
            connection.close()
            pool.shutdown(wait=False)
        raise self._failure(f"no response from the webhook: {reason}")

    def _failure(self, message: str, retry_after: str | None = None) -> DeliveryError:
        pause_s = int(retry_after) if retry_after is not None and retry_after.isdecimal() else _PAUSE_SECONDS
        self._paused_until_s = self._monotonic_s() + min(pause_s, _LONGEST_PAUSE_SECONDS)
        return DeliveryError(message)


class _CheckedConnection(HTTPSConnection):
    """Raises AddressRefusedError for an address that must not be called, before TLS begins."""

    def __init__(self, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._create_connection = _connected  # where the base class gets its socket


def _connected(*arguments: Any, **named: Any) -> socket.socket:
    connected = socket.create_connection(*arguments, **named)
    check_peer(connected)
    return connected


def _exchange(connection: HTTPSConnection, target: WebhookTarget, body: bytes, over: Event) -> _Response:
    connection.connect()
    if over.is_set():  # a failed alert is sent again, so it must not arrive late as well
        connection.close()
        raise TimeoutError
    headers = {"User-Agent": "Kinesight", **target.headers, "Content-Type": "application/json"}
    connection.request("POST", target.path, body, headers)
    response = connection.getresponse()
    return _Response(response.status, response.getheader("Retry-After"))
