"""Retries what a role or a queue is not permitted yet: changes of policies take effect within seconds, not at once.

IAM user guide, "Troubleshoot IAM: Changes that I make are not always immediately visible"; SQS, API_SetQueueAttributes:
up to 60 seconds. A first deployment creates a role's policy seconds before a custom resource's function uses it.
"""

from collections.abc import Callable, Iterator

from kinesight.adapters.aws.errors import error_code

_DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "KMS.AccessDeniedException"})
_UNREACHABLE = "Unable to validate the following destination configurations"
"""S3's message of an InvalidArgument for a queue whose policy does not admit it."""
DELAYS_S = (2.0, 4.0, 8.0, 16.0, 30.0)
"""A minute together."""


def once_permitted[T](work: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Returns the result of `work`, which is called again while it raises an error whose cause is a refusal of AWS."""
    for delay_s in DELAYS_S:
        try:
            return work()
        except Exception as error:
            if not is_denied(error):
                raise
        sleep(delay_s)
    return work()


def is_denied(error: BaseException) -> bool:
    """Whether the error, or one that caused it, is for want of a permission."""
    return any(
        error_code(one) in _DENIED or _UNREACHABLE in str(one) for one in _chain(error) if isinstance(one, Exception)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
