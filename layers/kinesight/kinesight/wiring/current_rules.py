"""The rules of the parameters and of the rules document, for every function that judges."""

from __future__ import annotations

import time
from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.rules.matching import Rules
from kinesight.domain.rules.refresh import CurrentRules
from kinesight.observability import logger


@cache
def current_rules(bucket: str, labels: tuple[str, ...], minimum_confidence: float) -> CurrentRules:
    """One reader per environment, which remembers what it read."""
    return CurrentRules(
        store=S3Bucket(clients.s3(), bucket),
        make_rules=lambda document: Rules.of(labels, minimum_confidence, document),
        monotonic_s=time.monotonic,
        warn=logger.warning,
    )
