"""Delays between attempts, for errors that botocore does not retry."""

import random

_FIRST_S = 0.1
_LONGEST_S = 3.0


def full_jitter_delays_s(attempts: int) -> list[float]:
    """Returns one delay per attempt with full jitter: uniform between 0 and a bound that doubles, at most 3 s
    ("Exponential Backoff And Jitter", AWS Architecture Blog)."""
    bounds = [min(_LONGEST_S, _FIRST_S * 2**attempt) for attempt in range(attempts)]
    return [random.uniform(0, bound) for bound in bounds]
