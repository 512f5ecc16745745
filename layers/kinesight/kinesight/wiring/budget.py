"""The budget that bounds what calls of detectors cost."""

from __future__ import annotations

import time
from decimal import Decimal

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.spend_counters import DynamoDbSpendCounters
from kinesight.domain.detectors.budget import Budget, BudgetLimits
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector
from kinesight.domain.detectors.call_prices import call_price, to_micro_usd
from kinesight.domain.detectors.ports import Detector
from kinesight.settings import DetectionSettings


def budgeted(settings: DetectionSettings, detector: Detector) -> BudgetedDetector:
    """The detector of `settings.detector` with the stack's budget and its price."""
    price = call_price(
        settings.detector,
        settings.detector_usd_per_thousand_calls,
        model_id=settings.bedrock_model_id,
        most_tokens_written=settings.bedrock_max_tokens,
    )
    return BudgetedDetector(detector, settings.detector, price, _budget(settings))


def _budget(settings: DetectionSettings) -> Budget | None:
    """None without a limit: then nothing is read or written."""
    limits = BudgetLimits(
        _micro_usd(settings.daily_budget_usd),
        _micro_usd(settings.daily_budget_usd_per_stream),
        settings.budget_soft_percent,
    )
    if not limits.is_set:
        return None
    counters = DynamoDbSpendCounters(clients.dynamodb(), clients.dynamodb_once(), settings.coordination_table)
    return Budget(limits, counters, now_ms=lambda: round(time.time() * 1000))


def _micro_usd(usd: Decimal | None) -> int | None:
    return None if usd is None else to_micro_usd(usd)
