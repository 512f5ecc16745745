"""AlertChannel on a webhook: one POST per alert, over TLS alone, to the one address that a secret tells.

The address is never in a log, an error or a trace. That is why this is the standard library's client and not urllib3,
which logs paths at DEBUG, and why errors of the network are told by their name alone, without the original.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from threading import Event

from kinesight.domain.errors import ChannelRefusedError, DeliveryError
from kinesight.domain.ports import Alert, SecretText
from kinesight.domain.sessions.webhook_messages import Message
from kinesight.domain.sessions.webhook_target import WebhookTarget, parse_target

_STEP_SECONDS = 5
"""For the connection, and for each piece of the answer."""

_RESTS_SECONDS = 10
_LONGEST_REST_SECONDS = 300
_MALFORMED = frozenset({400, 413, 422})
_TRY_AGAIN = frozenset({408, 425, 429})
_GONE = frozenset({401, 403, 404, 410})
"""Slack and Teams answer so when an address was revoked; the secret may hold the new one already."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str | None


class WebhookAlerts:
    """After a failure it rests for some seconds, in which alerts fail at once: a receiver that hangs costs each
    invocation one deadline, not one per alert. No redirect is followed, and no answer's body is read."""

    def __init__(
        self,
        secret: SecretText,
        compose: Callable[[Alert], Sequence[Message]],
        *,
        tls: ssl.SSLContext,
        monotonic_s: Callable[[], float],
        deadline_s: float = 8,
    ) -> None:
        """`compose` makes the message, and plainer ones in case it is called malformed."""
        self._secret = secret
        self._compose = compose
        self._tls = tls
        self._monotonic_s = monotonic_s
        self._deadline_s = deadline_s
        self._rests_until_s = float("-inf")

    def send(self, alert: Alert) -> None:
        """One POST, or two where the first was malformed or the address has changed."""
        if self._monotonic_s() < self._rests_until_s:
            raise DeliveryError("the webhook rests after a failure")
        target = parse_target(self._secret.read())
        answer = self._offer(target, alert)
        if answer.status in _GONE:
            newer = parse_target(self._secret.read(fresh=True))
            answer = answer if newer == target else self._offer(newer, alert)
        if not 200 <= answer.status < 300:
            raise ChannelRefusedError(f"the webhook answered {answer.status}")

    def _offer(self, target: WebhookTarget, alert: Alert) -> _Answer:
        answer = _Answer(400, None)
        for message in self._compose(alert):
            answer = self._post(target, json.dumps(message).encode())
            if answer.status in _TRY_AGAIN or answer.status >= 500:
                raise self._failure(f"the webhook answered {answer.status}", answer.retry_after)
            if answer.status not in _MALFORMED:
                break
        return answer

    def _post(self, target: WebhookTarget, body: bytes) -> _Answer:
        """The deadline is for everything together: an answer that comes drop by drop never trips a socket's timeout."""
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="webhook")
        connection = HTTPSConnection(target.host, target.port, timeout=_STEP_SECONDS, context=self._tls)
        over = Event()
        try:
            return pool.submit(_exchange, connection, target, body, over).result(self._deadline_s)
        except (OSError, HTTPException, ValueError) as error:
            reason = type(error).__name__
        finally:
            over.set()
            connection.close()
            pool.shutdown(wait=False)
        raise self._failure(f"the webhook gave no answer: {reason}")

    def _failure(self, message: str, retry_after: str | None = None) -> DeliveryError:
        asked_s = int(retry_after) if retry_after is not None and retry_after.isdecimal() else _RESTS_SECONDS
        self._rests_until_s = self._monotonic_s() + min(asked_s, _LONGEST_REST_SECONDS)
        return DeliveryError(message)


def _exchange(connection: HTTPSConnection, target: WebhookTarget, body: bytes, over: Event) -> _Answer:
    connection.connect()
    if over.is_set():  # an alert that counts as failed is sent again, so it must not arrive late as well
        connection.close()
        raise TimeoutError
    headers = {"User-Agent": "Kinesight", **target.headers, "Content-Type": "application/json"}
    connection.request("POST", target.path, body, headers)
    answer = connection.getresponse()
    return _Answer(answer.status, answer.getheader("Retry-After"))
