"""Backoff between attempts of the live consumer."""

import random

_LONGEST_S = 15.0


def backoff_s(attempt: int) -> float:
    """Returns a random pause before the next attempt in seconds; the limit doubles with each attempt (full jitter)."""
    return random.uniform(0, min(_LONGEST_S, 0.25 * 2 ** min(attempt, 10)))
