"""Signed links that hold what they promise: moto opens whatever looks signed, for ever.

Here a link opens what it was made for, until it expires, as S3 has it ("Authenticating Requests: Using Query
Parameters (AWS Signature Version 4)"). The reckoning is botocore's own.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

type Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

_WEEK_S = 604_800


class _RefusedError(Exception):
    def __init__(self, code: str, message: str, status: HTTPStatus = HTTPStatus.FORBIDDEN) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def checked(
    application: Wsgi, secrets: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Wsgi:
    """moto's application, behind a door for links. `secrets`: by access key id."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        target = str(environ["REQUEST_URI"])
        if "Signature=" not in target:  # what moto takes for signed
            return application(environ, start_response)
        try:
            _check(environ["REQUEST_METHOD"], f"http://{environ['HTTP_HOST']}{target}", secrets, now())
        except _RefusedError as error:
            body = f"<Error><Code>{error.code}</Code><Message>{escape(str(error))}</Message></Error>".encode()
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start_response(f"{error.status.value} {error.status.phrase}", headers)
            return [body]
        return application(environ, start_response)

    return answer


def _check(method: str, url: str, secrets: Mapping[str, str], now: datetime) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        signature, at = asked["X-Amz-Signature"], asked["X-Amz-Date"]
        key_id, _, region, service, _ = asked["X-Amz-Credential"].split("/")
        expires_s = int(asked["X-Amz-Expires"])
        signed_at = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except (KeyError, ValueError) as error:
        message = f"Query-string authentication by version 4 needs other parameters than these: {error}"
        raise _RefusedError("AuthorizationQueryParametersError", message, HTTPStatus.BAD_REQUEST) from error
    if not 0 < expires_s <= _WEEK_S or asked.get("X-Amz-SignedHeaders") != "host":
        message = f"X-Amz-Expires must be up to {_WEEK_S} seconds, and X-Amz-SignedHeaders host"
        raise _RefusedError("AuthorizationQueryParametersError", message, HTTPStatus.BAD_REQUEST)
    if key_id not in secrets:
        raise _RefusedError("InvalidAccessKeyId", "The AWS Access Key Id does not exist in our records.")
    signer = S3SigV4QueryAuth(Credentials(key_id, secrets[key_id]), service, region, expires_s)
    request = AWSRequest(method, "&".join(part for part in url.split("&") if not part.startswith("X-Amz-Signature=")))
    request.context["timestamp"] = at
    wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if not hmac.compare_digest(wanted, signature):
        raise _RefusedError("SignatureDoesNotMatch", "The signature is not that of this method, key and parameters.")
    if now > signed_at + timedelta(seconds=expires_s):
        raise _RefusedError("AccessDenied", "Request has expired")
