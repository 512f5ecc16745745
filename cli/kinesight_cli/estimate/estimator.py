"""Estimates a stack with its cameras, and variations of its settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight_local.template import expand

from kinesight_cli.estimate.advice import Saving, best_saving, budget_warnings, warnings
from kinesight_cli.estimate.alternatives import KIT_EQUIVALENT, Column, kit, rekognition_streaming
from kinesight_cli.estimate.bill import Bill, bill_of
from kinesight_cli.estimate.budget import STACK, STREAM
from kinesight_cli.estimate.month import budget, detector_calls, lines_of
from kinesight_cli.estimate.prices import Prices
from kinesight_cli.estimate.settings import (
    NO_DOCUMENT,
    changed_document,
    check_permitted,
    flat_settings,
    is_path,
    overriding_paths,
)
from kinesight_cli.estimate.template_shape import Shape, shape_of
from kinesight_cli.estimate.workload import Workload
from kinesight_cli.shared.paths import TEMPLATE

FULL_RATE: Mapping[str, str] = {"gate.mode": "OFF", STACK: "", STREAM: ""}
"""Settings with which every image is analyzed."""


@dataclass(frozen=True, slots=True)
class Estimator:
    """A stack and the use of its cameras. `parameters`: its settings as `flat_settings` returns them."""

    parameters: Mapping[str, str]
    shape: Shape
    workload: Workload
    prices: Prices
    document: ConfigurationDocument = NO_DOCUMENT

    def bill(self, parameters: Mapping[str, str] | None = None) -> Bill:
        """Returns the bill of these settings, or of the stack's own."""
        lines = lines_of(parameters or self.parameters, self.workload, self.shape)
        return bill_of(lines, self.prices, self.workload.cameras)

    def full_rate(self) -> Bill:
        """Returns the bill of the same settings without the gate and without budgets."""
        return self.bill({**self.parameters, **FULL_RATE})

    def warnings(self, bill: Bill) -> Iterator[str]:
        """Yields warnings about the bill of the stack's own settings."""
        calls = detector_calls(self.parameters, self.workload, self.shape)
        yield from warnings(self.parameters, bill, calls, self.prices.region)
        yield from budget_warnings(self.parameters, budget(self.parameters, self.workload, self.shape))

    def saving(self, bill: Bill) -> Saving | None:
        """Returns the change that saves most, by its path where the document overrides the parameter."""
        best = best_saving(self.parameters, bill, self.bill)
        if best is None:
            return None
        return replace(
            best, parameter=overriding_paths(self.document, self.parameters).get(best.parameter, best.parameter)
        )


def estimator(
    overrides: Mapping[str, str], workload: Workload, prices: Prices, document: ConfigurationDocument = NO_DOCUMENT
) -> Estimator:
    """Returns an estimator; the template's rules validate the parameters.

    `overrides`: parameters of the template, and settings of the document by path. Raises InvalidTemplateError and
    SettingsError.
    """
    given = {name: value for name, value in overrides.items() if not is_path(name)}
    selected = {} if {"StreamNames", "TagFilters"} & set(given) else {"StreamNames": "*"}
    expanded = expand(TEMPLATE, selected | given)
    document = changed_document(document, {name: value for name, value in overrides.items() if is_path(name)})
    check_permitted(document, expanded.parameters)
    settings = flat_settings(expanded.parameters, document)
    return Estimator(settings, shape_of(expanded.resources, expanded.parameters), workload, prices, document)


def comparison(found: Estimator, overrides: Mapping[str, str]) -> list[Column]:
    """Returns the stack, the stack configured like KIT, KIT, and Rekognition Streaming Video side by side."""
    like_kit = estimator({**overrides, **KIT_EQUIVALENT}, found.workload, found.prices, found.document)
    return [
        Column("this stack", found.bill(), ()),
        Column(
            "configured like KIT",
            like_kit.bill(),
            ("live, 1 of 6 keyframes, the same endpoint; with evidence, sessions and alerts",),
        ),
        kit(found.workload, found.prices),
        rekognition_streaming(found.workload, found.prices),
    ]
