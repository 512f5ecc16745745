"""The budget that bounds what calls of detectors cost."""

from __future__ import annotations

import time
from decimal import Decimal

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.spend_counters import DynamoDbSpendCounters
from kinesight.domain.detectors.budget import Budget, BudgetLimits
from kinesight.domain.detectors.call_prices import to_micro_usd
from kinesight.settings import DetectionSettings


def budget(settings: DetectionSettings, usd_per_stream: Decimal | None, soft_percent: int) -> Budget | None:
    """None without a limit: then nothing is read or written. The other two are the camera's."""
    limits = BudgetLimits(
        _micro_usd(settings.daily_budget_usd),
        _micro_usd(usd_per_stream),
        soft_percent,
    )
    if not limits.is_set:
        return None
    counters = DynamoDbSpendCounters(clients.dynamodb(), clients.dynamodb_once(), settings.coordination_table)
    return Budget(limits, counters, now_ms=lambda: round(time.time() * 1000))


def _micro_usd(usd: Decimal | None) -> int | None:
    return None if usd is None else to_micro_usd(usd)
