"""Estimates a stack with its cameras, and variations of its parameters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kinesight_local.template import expand

from kinesight_cli.estimate.advice import Saving, best_saving, warnings
from kinesight_cli.estimate.alternatives import KIT_EQUIVALENT, Column, kit, rekognition_streaming
from kinesight_cli.estimate.bill import Bill, bill_of
from kinesight_cli.estimate.month import detector_calls, lines_of
from kinesight_cli.estimate.prices import Prices
from kinesight_cli.estimate.template_shape import Shape, shape_of
from kinesight_cli.estimate.workload import Workload
from kinesight_cli.shared.paths import TEMPLATE


@dataclass(frozen=True, slots=True)
class Estimator:
    """A stack and the use of its cameras."""

    parameters: Mapping[str, str]
    shape: Shape
    workload: Workload
    prices: Prices

    def bill(self, parameters: Mapping[str, str] | None = None) -> Bill:
        """Returns the bill of these parameters, or of the stack's own."""
        lines = lines_of(parameters or self.parameters, self.workload, self.shape)
        return bill_of(lines, self.prices, self.workload.cameras)

    def warnings(self, bill: Bill) -> Iterator[str]:
        """Yields warnings about the bill of the stack's own parameters."""
        calls = detector_calls(self.parameters, self.workload)
        return warnings(self.parameters, bill, calls, self.prices.region)

    def saving(self, bill: Bill) -> Saving | None:
        """Returns the parameter change that saves most."""
        return best_saving(self.parameters, bill, self.bill)


def estimator(overrides: Mapping[str, str], workload: Workload, prices: Prices) -> Estimator:
    """Returns an estimator; the template's rules validate the parameters. Raises InvalidTemplateError."""
    selected = {} if {"StreamNames", "TagFilters"} & set(overrides) else {"StreamNames": "*"}
    expanded = expand(TEMPLATE, selected | dict(overrides))
    return Estimator(expanded.parameters, shape_of(expanded.resources, expanded.parameters), workload, prices)


def comparison(found: Estimator, overrides: Mapping[str, str]) -> list[Column]:
    """Returns the stack, the stack configured like KIT, KIT, and Rekognition Streaming Video side by side."""
    like_kit = estimator({**overrides, **KIT_EQUIVALENT}, found.workload, found.prices)
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
