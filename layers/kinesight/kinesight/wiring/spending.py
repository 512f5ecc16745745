"""What calls of the detector cost, and the budget that bounds it."""

from __future__ import annotations

import time
from decimal import Decimal

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.spending_dynamodb import DynamoDbSpendCounters
from kinesight.domain.detectors.budget import Budget, BudgetLimits
from kinesight.domain.detectors.call_prices import call_price, to_micro_usd
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector, SpendingTally
from kinesight.domain.detectors.ports import Detector
from kinesight.settings import DetectionSettings

tally = SpendingTally()
"""Of this environment, until it is told."""


def metered(wanted: DetectionSettings, detector: Detector) -> Detector:
    """The detector of `wanted.detector`, which asks the budget and counts what it spends."""
    price = call_price(
        wanted.detector,
        wanted.detector_usd_per_thousand_calls,
        model_id=wanted.bedrock_model_id,
        most_tokens_written=wanted.bedrock_max_tokens,
    )
    return BudgetedDetector(detector, wanted.detector, price, _budget(wanted), tally)


def _budget(wanted: DetectionSettings) -> Budget | None:
    """None without a limit: then nothing is asked or written."""
    limits = BudgetLimits(
        _micro_usd(wanted.daily_budget_usd),
        _micro_usd(wanted.daily_budget_usd_per_stream),
        wanted.budget_soft_percent,
    )
    if not limits.is_set:
        return None
    counters = DynamoDbSpendCounters(clients.dynamodb(), clients.dynamodb_once(), wanted.coordination_table)
    return Budget(limits, counters, now_ms=lambda: round(time.time() * 1000))


def _micro_usd(usd: Decimal | None) -> int | None:
    return None if usd is None else to_micro_usd(usd)
