"""What an AWS service says when it throttles or fails, in the protocol that boto3 speaks to it.

Codes and statuses are those of botocore's service models and of its retry handler; where a service has several words
for a throttle, it is the one that its requests meet first.
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
class Form:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call_of(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call | None:
    """What a request asks for; None if it is not signed, as a link that a person opens. `headers` in lower case."""
    service = service_of(headers)
    return Call(service, operation_of(service, method, target, headers, body)) if service is not None else None


def throttled(call: Call) -> Form:
    """ThrottlingException where nothing else is known of the service."""
    status, code = _THROTTLE.get(call.service, (400, "ThrottlingException"))
    return refusal(call, status, code, "Rate exceeded")


def failed(call: Call) -> Form:
    """Status 500."""
    return refusal(call, 500, _FAILURE.get(call.service, "InternalFailure"), "We encountered an internal error")


def refusal(call: Call, status: int, code: str, message: str) -> Form:
    """Any error in the service's protocol."""
    match call.service:
        case "s3":
            text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            body = b"" if call.operation.startswith("Head") else text.encode()
            return Form(status, {"Content-Type": "application/xml"}, body)
        case "sns":
            text = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            return Form(status, {"Content-Type": "text/xml"}, f"<ErrorResponse>{text}</ErrorResponse>".encode())
        case _:
            document = json.dumps({"__type": code, "message": message}).encode()
            headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}
            if call.service == "sqs":
                headers["x-amzn-query-error"] = f"{code};Sender"
            return Form(status, headers, document)
