"""botocore's errors, told apart by what the caller can do. Shared by every adapter."""

from collections.abc import Callable
from typing import Any, TypeGuard

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError

from kinesight.domain.errors import KinesightError

AWS_ERRORS: tuple[type[Exception], ...] = (ClientError, BotoCoreError, ResponseParserError)
"""The last one is of half an answer in XML, and is none of botocore's own errors."""

_THROTTLES = frozenset(
    {
        "ClientLimitExceededException",  # KVS; botocore does not count it as a throttle
        "KMSThrottling",  # SNS, where the key is the bottleneck; the next three are the same of others
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
INCOMPLETE = "IncompleteAnswer"
"""Ours, for an answer that ended too early (whole_answers.py)."""
_PASSING_STATUS = frozenset({408, 429})
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


def error_code(error: Exception) -> str:
    """The AWS error code, or the name of botocore's own exception when no answer came."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def is_retryable(error: Exception) -> bool:
    """Whether a later attempt may succeed: throttles, 5xx, and calls that got no answer."""
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return error_code(error) in _THROTTLES or status in _PASSING_STATUS or status >= 500


def is_timeout(error: Exception) -> bool:
    """Whether the call went out, and may have been carried out although no whole answer came."""
    cut = isinstance(error, HTTPClientError | IncompleteReadError | ResponseParserError)
    return cut or error_code(error) == INCOMPLETE


def is_absent(error: Exception) -> bool:
    """Of S3: there is no such object. What asks for its head alone is told by the status."""
    return error_code(error) in _ABSENT


def condition_failed(error: Exception) -> TypeGuard[ClientError]:
    """Of DynamoDB: a write's condition did not hold, and nothing was written."""
    return error_code(error) == "ConditionalCheckFailedException"


def translate(
    error: Exception,
    what: str,
    *,
    passing: Callable[[str], KinesightError],
    lasting: Callable[[str], KinesightError],
) -> KinesightError:
    """The domain error for an AWS error; `what` says what was being done, for the message."""
    message = f"{what}: {error_code(error)}: {_message(error)}"
    return passing(message) if is_retryable(error) else lasting(message)


def _message(error: Exception) -> Any:
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Message", "")
    return str(error)
