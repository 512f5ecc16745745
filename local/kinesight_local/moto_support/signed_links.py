"""Checks signed links to S3: moto accepts any signature, without expiry.

A link is valid for the object it was signed for until it expires, as on S3 ("Authenticating Requests: Using Query
Parameters (AWS Signature Version 4)"). botocore computes the signature.
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


class _DeniedError(Exception):
    def __init__(self, code: str, message: str, status: HTTPStatus = HTTPStatus.FORBIDDEN) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def checked(
    application: Wsgi, secrets: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Wsgi:
    """Wraps moto's application. `secrets`: secret keys by access key id."""

    def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        target = str(environ["REQUEST_URI"])
        if "Signature=" not in target:  # otherwise moto does not consider it signed
            return application(environ, start_response)
        try:
            _check(environ["REQUEST_METHOD"], f"http://{environ['HTTP_HOST']}{target}", secrets, now())
        except _DeniedError as error:
            body = f"<Error><Code>{error.code}</Code><Message>{escape(str(error))}</Message></Error>".encode()
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start_response(f"{error.status.value} {error.status.phrase}", headers)
            return [body]
        return application(environ, start_response)

    return respond


def _check(method: str, url: str, secrets: Mapping[str, str], now: datetime) -> None:
    parameters = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        signature, at = parameters["X-Amz-Signature"], parameters["X-Amz-Date"]
        key_id, _, region, service, _ = parameters["X-Amz-Credential"].split("/")
        expires_s = int(parameters["X-Amz-Expires"])
        signed_at = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except (KeyError, ValueError) as error:
        message = f"Query-string authentication version 4 requires other parameters: {error}"
        raise _DeniedError("AuthorizationQueryParametersError", message, HTTPStatus.BAD_REQUEST) from error
    if not 0 < expires_s <= _WEEK_S or parameters.get("X-Amz-SignedHeaders") != "host":
        message = f"X-Amz-Expires must be at most {_WEEK_S} seconds, and X-Amz-SignedHeaders must be host"
        raise _DeniedError("AuthorizationQueryParametersError", message, HTTPStatus.BAD_REQUEST)
    if key_id not in secrets:
        raise _DeniedError("InvalidAccessKeyId", "The AWS Access Key Id does not exist in our records.")
    signer = S3SigV4QueryAuth(Credentials(key_id, secrets[key_id]), service, region, expires_s)
    request = AWSRequest(method, "&".join(part for part in url.split("&") if not part.startswith("X-Amz-Signature=")))
    request.context["timestamp"] = at
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if not hmac.compare_digest(expected, signature):
        raise _DeniedError("SignatureDoesNotMatch", "The signature does not match the method, key and parameters.")
    if now > signed_at + timedelta(seconds=expires_s):
        raise _DeniedError("AccessDenied", "Request has expired")
