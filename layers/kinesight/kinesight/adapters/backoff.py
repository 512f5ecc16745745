"""Waiting times between attempts, for services that botocore does not retry by itself."""

import random

_FIRST_S = 0.1
_LONGEST_S = 3.0


def full_jitter_delays_s(attempts: int) -> list[float]:
    """Full jitter: uniform between nothing and a bound that doubles ("Exponential Backoff And Jitter", AWS)."""
    bounds = [min(_LONGEST_S, _FIRST_S * 2**attempt) for attempt in range(attempts)]
    return [random.uniform(0, bound) for bound in bounds]
