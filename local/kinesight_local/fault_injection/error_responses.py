"""Errors of AWS services in the protocol that boto3 uses for them.

Codes and statuses are those of botocore's service models and retry handler; if a service has several codes for
throttling, the one that its requests get first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from kinesight_local.aws_requests import operation_of, service_of

_THROTTLE: Mapping[str, tuple[int, str]] = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "kinesis": (400, "ProvisionedThroughputExceededException"),
    "rekognition": (400, "ProvisionedThroughputExceededException"),
    "s3": (503, "SlowDown"),
    "sns": (429, "Throttled"),
    "sqs": (403, "RequestThrottled"),
}
_FAILURE: Mapping[str, str] = {
    "dynamodb": "InternalServerError",
    "kinesis": "InternalFailure",
    "rekognition": "InternalServerError",
    "s3": "InternalError",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request to AWS. `service` is its signing name, such as `states` for Step Functions."""

    service: str
    operation: str


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call_of(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call | None:
    """The call of a request; None if it is not signed, like a link. Header names are in lower case."""
    service = service_of(headers)
    return Call(service, operation_of(service, method, target, headers, body)) if service is not None else None


def throttled(call: Call) -> HttpResponse:
    """The service's throttling error; ThrottlingException for other services."""
    status, code = _THROTTLE.get(call.service, (400, "ThrottlingException"))
    return error_response(call, status, code, "Rate exceeded")


def failed(call: Call) -> HttpResponse:
    """The service's internal error, status 500."""
    return error_response(call, 500, _FAILURE.get(call.service, "InternalFailure"), "We encountered an internal error")


def error_response(call: Call, status: int, code: str, message: str) -> HttpResponse:
    """Any error in the service's protocol."""
    match call.service:
        case "s3":
            text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            body = b"" if call.operation.startswith("Head") else text.encode()
            return HttpResponse(status, {"Content-Type": "application/xml"}, body)
        case "sns":
            text = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            return HttpResponse(status, {"Content-Type": "text/xml"}, f"<ErrorResponse>{text}</ErrorResponse>".encode())
        case _:
            document = json.dumps({"__type": code, "message": message}).encode()
            headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}
            if call.service == "sqs":
                headers["x-amzn-query-error"] = f"{code};Sender"
            return HttpResponse(status, headers, document)
