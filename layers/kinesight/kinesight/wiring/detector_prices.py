"""Settings and price of a detector, without the detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kinesight.detection_settings import BudgetSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.call_prices import CallPrice, given_price
from kinesight.domain.errors import InvalidSettingError


@dataclass(frozen=True, slots=True)
class PricedDetector:
    """The name of a detector's catalogue entry, its settings, and the price of a call."""

    name: str
    settings: Any
    price: CallPrice


def priced_detector(settings: BudgetSettings, configuration: Configuration, name: str) -> PricedDetector:
    """Returns the detector of this name. Raises InvalidSettingError."""
    definition = configuration.detector(name)
    if definition is None:
        raise InvalidSettingError(f"there is no detector {name!r}")
    entry = definition.entry
    common = {"minimum_confidence": configuration.default.minimum_confidence}
    own = entry.read(entry.settings.combined(common | settings.values, definition.values()))
    usd = definition.usd_per_thousand_calls
    return PricedDetector(entry.name, own, entry.price(own) if usd is None else given_price(usd))
