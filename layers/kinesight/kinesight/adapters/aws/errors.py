"""Classifies botocore's errors as transient or permanent. Shared by every adapter."""

from collections.abc import Callable
from typing import Any, TypeGuard

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError

from kinesight.domain.errors import KinesightError

AWS_ERRORS: tuple[type[Exception], ...] = (ClientError, BotoCoreError, ResponseParserError)
"""Every error of an AWS call. ResponseParserError, raised for truncated XML, is not a BotoCoreError."""

_THROTTLES = frozenset(
    {
        "ClientLimitExceededException",  # KVS; botocore does not count it as a throttle
        "KMSThrottling",  # SNS, when KMS throttles; the next three are its names in other services
        "KMSThrottlingException",
        "KmsThrottled",
        "KmsThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",  # SQS, under status 403
        "SlowDown",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
TRUNCATED = "TruncatedResponse"
"""Kinesight's own code for a response that ended too early (truncated_responses.py)."""
_RETRYABLE_STATUS = frozenset({408, 429})
ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
"""Of S3: there is no such object. HeadObject returns the status only, without an error code."""


def error_code(error: Exception) -> str:
    """Returns the AWS error code, or the name of botocore's exception if no response arrived."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def is_retryable(error: Exception) -> bool:
    """Whether a later attempt may succeed: throttling, 5xx, and calls without a response."""
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return error_code(error) in _THROTTLES or status in _RETRYABLE_STATUS or status >= 500


def is_timeout(error: Exception) -> bool:
    """Whether the request was sent but no complete response arrived. The service may have executed the call."""
    lost = isinstance(error, HTTPClientError | IncompleteReadError | ResponseParserError)
    return lost or error_code(error) == TRUNCATED


def condition_failed(error: Exception) -> TypeGuard[ClientError]:
    """Whether DynamoDB rejected a conditional write, so nothing was written."""
    return error_code(error) == "ConditionalCheckFailedException"


def translate(
    error: Exception,
    what: str,
    *,
    transient: Callable[[str], KinesightError],
    permanent: Callable[[str], KinesightError],
) -> KinesightError:
    """Returns the domain error for an AWS error. `what` names the failed operation in the message."""
    message = f"{what}: {error_code(error)}: {_message(error)}"
    return transient(message) if is_retryable(error) else permanent(message)


def _message(error: Exception) -> Any:
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Message", "")
    return str(error)
