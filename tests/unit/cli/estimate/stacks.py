"""Stacks to estimate, and what is counted and billed of them."""

from functools import cache

from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight_cli.estimate.estimator import Estimator, estimator
from kinesight_cli.estimate.month import lines_of
from kinesight_cli.estimate.prices import load_prices
from kinesight_cli.estimate.workload import Workload
from kinesight_cli.shared.choices import Choices
from kinesight_cli.shared.document_file import parse

PRICES = load_prices("us-east-1")
CONFIGURATION = """
schemaVersion: 1
detectors:
  own: {type: HTTP, usdPerThousandCalls: 0.5}
defaults:
  detector: own
  gate: {mode: "ON"}
  imageGeneration: {samplingInterval: 1000}
  dailyBudgetUsd: 2
limits: {concurrentDetections: 3}
cameras:
  - streams: [front]
    gate: {mode: "OFF"}
"""


@cache
def plain() -> Estimator:
    """The template's defaults: generated images."""
    return estimator({}, Workload(), PRICES)


@cache
def initial() -> Estimator:
    """What `kinesight init` sets up."""
    document = ConfigurationDocument.model_validate(Choices.default().document())
    return estimator(Choices.default().parameters(), Workload(), PRICES, document)


def of(workload: Workload | None = None, /, **overrides: str) -> Estimator:
    """The template's defaults with these. Resources that come and go by a condition stay as they are by default."""
    return _changed(plain(), workload, overrides)


def live(workload: Workload | None = None, /, **overrides: str) -> Estimator:
    """What `kinesight init` sets up, with every keyframe, a dollar a day, and these settings."""
    return _changed(initial(), workload, {"live.samplingInterval": "1000", "DailyBudgetUsd": "1.00"} | overrides)


def _changed(found: Estimator, workload: Workload | None, overrides: dict[str, str]) -> Estimator:
    assert set(overrides) <= set(found.parameters)
    return Estimator({**found.parameters, **overrides}, found.shape, workload or Workload(), PRICES)


def configured(text: str = CONFIGURATION) -> ConfigurationDocument:
    return parse(text, "a document", is_yaml=True).document


def calls(found: Estimator) -> dict[str, float]:
    """Calls a month, by name."""
    counted: dict[str, float] = {}
    for line in lines_of(found.parameters, found.workload, found.shape):
        counted[line.call] = counted.get(line.call, 0.0) + line.count
    return counted


def usd(found: Estimator, key: str) -> float:
    """US dollars a month of a price."""
    row = found.bill().row(key)
    return (row.usd if row else None) or 0.0
