"""Secret on AWS Secrets Manager."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import DeliveryError, DetectorBusyError, InvalidSettingError, KinesightError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_WEBHOOK_CACHE_S = 300
"""A changed secret is in use everywhere after this time. A call costs $0.000005."""


class SecretsManagerSecret:
    """The text of one secret, read on first use and cached. Safe for threads."""

    def __init__(
        self,
        client: SecretsManagerClient,
        secret_id: str,
        *,
        error: Callable[[Exception, str], KinesightError],
        check: Callable[[str, str], str] = lambda text, _: text,
        cache_s: float = float("inf"),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`error` translates an AWS error of the secret. `check` returns the text to use, given text and secret id."""
        self._client = client
        self._secret_id = secret_id
        self._error = error
        self._check = check
        self._cache_s = cache_s
        self._monotonic_s = monotonic_s
        self._lock = Lock()
        self._value: str | None = None
        self._read_s = 0.0

    def value(self) -> str:
        """Calls GetSecretValue unless the text is cached. A binary secret is an empty text."""
        with self._lock:
            if self._value is not None and self._monotonic_s() - self._read_s <= self._cache_s:
                return self._value
            return self._read()

    def renewed(self, stale: str) -> str:
        """Calls GetSecretValue, unless another thread has replaced the stale text already."""
        with self._lock:
            if self._value is not None and self._value != stale:
                return self._value
            return self._read()

    def _read(self) -> str:
        read_s = self._monotonic_s()
        try:
            text = self._client.get_secret_value(SecretId=self._secret_id).get("SecretString", "")
        except AWS_ERRORS as error:
            raise self._error(error, self._secret_id) from error
        self._value, self._read_s = self._check(text, self._secret_id), read_s
        return self._value


def detector_secret(client: SecretsManagerClient, secret_id: str) -> SecretsManagerSecret:
    """Returns the secret of a self-hosted model: the value of an HTTP header, cached until it is refused.

    Raises DetectorBusyError, and InvalidSettingError if the secret does not exist or cannot be a header.
    """
    return SecretsManagerSecret(client, secret_id, error=_detector_error, check=_header_value)


def webhook_secret(
    client: SecretsManagerClient, secret_id: str, *, monotonic_s: Callable[[], float]
) -> SecretsManagerSecret:
    """Returns the secret of a webhook, cached for five minutes. Raises DeliveryError."""
    return SecretsManagerSecret(
        client, secret_id, error=_webhook_error, cache_s=_WEBHOOK_CACHE_S, monotonic_s=monotonic_s
    )


def _detector_error(error: Exception, secret_id: str) -> KinesightError:
    # Retried: a deployment in progress may be about to grant the access.
    is_denied = error_code(error) == "AccessDeniedException"
    permanent = DetectorBusyError if is_denied else InvalidSettingError
    return translate(error, f"GetSecretValue {secret_id}", transient=DetectorBusyError, permanent=permanent)


def _webhook_error(error: Exception, _secret_id: str) -> KinesightError:
    return translate(error, "read the secret", transient=DeliveryError, permanent=DeliveryError)


def _header_value(text: str, secret_id: str) -> str:
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable():
        # The HTTP library would reject it too, but with the value in its message.
        raise InvalidSettingError(f"{secret_id} cannot be an HTTP header: it must be printable ASCII on one line")
    return text
