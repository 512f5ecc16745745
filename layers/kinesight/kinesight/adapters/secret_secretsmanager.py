"""Secret in AWS Secrets Manager."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import DetectorBusyError, InvalidSettingError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsManagerSecret:
    """One secret's text, read when it is first wanted and kept. Safe for threads."""

    def __init__(self, client: SecretsManagerClient, secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id
        self._lock = Lock()
        self._value: str | None = None

    def value(self) -> str:
        """One GetSecretValue the first time."""
        with self._lock:
            if self._value is None:
                self._value = self._read()
            return self._value

    def renewed(self, stale: str) -> str:
        """One GetSecretValue, unless somebody else renewed it meanwhile."""
        with self._lock:
            if self._value is None or self._value == stale:
                self._value = self._read()
            return self._value

    def _read(self) -> str:
        try:
            text = self._client.get_secret_value(SecretId=self._secret_id).get("SecretString", "").strip()
        except AWS_ERRORS as error:
            # Access that a deployment is about to grant is worth a later attempt.
            denied = error_code(error) == "AccessDeniedException"
            lasting = DetectorBusyError if denied else InvalidSettingError
            raise translate(
                error, f"GetSecretValue {self._secret_id}", passing=DetectorBusyError, lasting=lasting
            ) from error
        if not text or not text.isascii() or not text.isprintable():
            # The HTTP library would refuse it, too, but with the value in its message.
            raise InvalidSettingError(
                f"{self._secret_id} holds no text that can be a header: printable ASCII in one line"
            )
        return text
