"""The budget that bounds what calls of detectors cost."""

from __future__ import annotations

import time
from decimal import Decimal

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.spend_counters import DynamoDbSpendCounters
from kinesight.detection_settings import BudgetSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.budget import Budget, BudgetLimits
from kinesight.domain.detectors.call_prices import to_micro_usd
from kinesight.domain.detectors.ports import SpendCounters
from kinesight.domain.errors import InvalidConfigurationError, InvalidSettingError
from kinesight.wiring.detector_prices import priced_detector


def budget(settings: BudgetSettings, usd_per_stream: Decimal | None, soft_percent: int) -> Budget | None:
    """None without a limit: then nothing is read or written. The other two are the camera's."""
    limits = _limits(settings, usd_per_stream, soft_percent)
    return _of(limits, spend_counters(settings)) if limits.is_set else None


def spend_counters(settings: BudgetSettings) -> SpendCounters:
    """Returns those of the stack and of its streams."""
    return DynamoDbSpendCounters(clients.dynamodb(), clients.dynamodb_once(), settings.coordination_table)


def is_reached(
    settings: BudgetSettings,
    counters: SpendCounters,
    configuration: Configuration,
    stream_name: str,
    chosen: str | None,
) -> bool:
    """Whether no call of a stream's detector, or of a `chosen` one, is left today. Raises InvalidConfigurationError,
    StorageBusyError."""
    camera = configuration.of_stream(stream_name).camera
    limits = _limits(settings, camera.daily_budget_usd, camera.budget_soft_percent)
    name = chosen or camera.detector
    if not limits.is_set or name is None:
        return False
    try:
        price = priced_detector(settings, configuration, name).price
    except InvalidSettingError as error:
        raise InvalidConfigurationError(str(error)) from error
    return _of(limits, counters).is_reached(stream_name, price.most)


def _limits(settings: BudgetSettings, usd_per_stream: Decimal | None, soft_percent: int) -> BudgetLimits:
    return BudgetLimits(_micro_usd(settings.daily_budget_usd), _micro_usd(usd_per_stream), soft_percent)


def _of(limits: BudgetLimits, counters: SpendCounters) -> Budget:
    return Budget(limits, counters, now_ms=lambda: round(time.time() * 1000))


def _micro_usd(usd: Decimal | None) -> int | None:
    return None if usd is None else to_micro_usd(usd)
