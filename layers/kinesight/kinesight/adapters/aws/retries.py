"""Retries for KVS, whose throttling error botocore does not retry."""

from collections.abc import Callable

from kinesight.adapters.aws.backoff import full_jitter_delays_s
from kinesight.adapters.aws.errors import AWS_ERRORS, is_retryable


def retry[T](
    call: Callable[[], T],
    *,
    attempts: int,
    sleep: Callable[[float], None],
    failed: Callable[[], None] = lambda: None,
) -> T:
    """Returns the result of `call`, repeated with full jitter while its error is transient.

    Calls `failed` after each failure. Raises the last of AWS_ERRORS.
    """
    delays_s = iter(full_jitter_delays_s(attempts - 1))
    while True:
        try:
            return call()
        except AWS_ERRORS as error:
            failed()
            delay_s = next(delays_s, None) if is_retryable(error) else None
            if delay_s is None:
                raise
            sleep(delay_s)
