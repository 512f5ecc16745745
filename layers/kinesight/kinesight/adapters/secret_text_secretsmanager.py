"""SecretText on AWS Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS, translate
from kinesight.domain.errors import DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_KEPT_SECONDS = 300
"""A secret that was changed is in use everywhere after so long. A call costs $0.000005."""


class SecretsManagerText:
    """The text of one secret, remembered for five minutes."""

    def __init__(self, client: SecretsManagerClient, secret_arn: str, *, monotonic_s: Callable[[], float]) -> None:
        self._client = client
        self._secret_arn = secret_arn
        self._monotonic_s = monotonic_s
        self._text = ""
        self._read_s: float | None = None

    def read(self, *, fresh: bool = False) -> str:
        """One GetSecretValue if none is remembered, or with `fresh`; a binary secret is an empty text."""
        now_s = self._monotonic_s()
        if fresh or self._read_s is None or now_s - self._read_s > _KEPT_SECONDS:
            self._text = self._fetched()
            self._read_s = now_s
        return self._text

    def _fetched(self) -> str:
        try:
            return self._client.get_secret_value(SecretId=self._secret_arn).get("SecretString", "")
        except AWS_ERRORS as error:
            raise translate(error, "read the secret", passing=DeliveryError, lasting=DeliveryError) from error
