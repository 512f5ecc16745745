"""Warnings about an estimate, and the change of a setting that saves most."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kinesight_cli.estimate.bill import Bill
from kinesight_cli.estimate.budget import Budget
from kinesight_cli.estimate.settings import NO_DETECTOR, assignment, detector_type
from kinesight_cli.estimate.workload import MONTH_S

_EXPENSIVE_USD = 500.0
_LEAST_SAVING = 0.02
_SLOWER = 3
_LABELS_PER_SECOND = {"us-east-1": 50, "us-west-2": 50, "eu-west-1": 50}
_LABELS_PER_SECOND_ELSEWHERE = 5
"""DetectLabels ("Guidelines and quotas in Amazon Rekognition")."""
_DETECTORS = ("rekognition.image", "bedrock")


@dataclass(frozen=True, slots=True)
class Saving:
    """A change and what it saves, in USD per camera and month. `parameter`: a parameter, or a path in the document."""

    parameter: str
    value: str
    usd_per_camera: float

    def __str__(self) -> str:
        return assignment(self.parameter, self.value)


def best_saving(
    parameters: Mapping[str, str], bill: Bill, estimate: Callable[[Mapping[str, str]], Bill]
) -> Saving | None:
    """Returns the change that saves most, None if none saves two per cent. Changes keep the purpose of the stack."""
    found = [
        Saving(name, value, bill.usd_per_camera - estimate({**parameters, name: value}).usd_per_camera)
        for name, value in _changes(parameters)
    ]
    best = max(found, key=lambda one: one.usd_per_camera, default=None)
    return best if best is not None and best.usd_per_camera > _LEAST_SAVING * bill.usd_per_camera else None


def _changes(parameters: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    plain = {"gate.mode": "ON", "followUp.detector": NO_DETECTOR, "sessions.clip": "false", "Architecture": "arm64"}
    plain |= {"keep.records": "MATCHED", "keep.fragments": "MATCHED"}
    for name, value in plain.items():
        if parameters[name] != value:
            yield name, value
    for name in ("SamplingInterval", "live.samplingInterval", "analysis.samplingInterval"):
        yield name, str(_SLOWER * int(parameters[name]))
    if int(parameters["ResultsShardCount"]) > 1:
        yield "ResultsShardCount", "1"


def warnings(parameters: Mapping[str, str], bill: Bill, calls: float, region: str) -> Iterator[str]:
    """Yields warnings. `calls`: detector calls per month of all cameras."""
    detector, usd = parameters["Detector"], bill.usd_of(*_DETECTORS)
    if usd > _EXPENSIVE_USD:
        yield f"{detector} alone costs ${usd:,.2f} per camera and month, for {calls / bill.cameras:,.0f} calls"
    most = _LABELS_PER_SECOND.get(region, _LABELS_PER_SECOND_ELSEWHERE)
    if detector_type(parameters, detector) == "REKOGNITION_LABELS" and calls / MONTH_S > most:
        yield (
            f"{calls / MONTH_S:,.1f} DetectLabels calls per second exceed the default quota of {most}: request an "
            "increase in Service Quotas, or images wait in the queue"
        )
    names = {
        "image generation": parameters["ImageGenerationStatus"] == "ENABLED",
        "live consumers": parameters["LiveStatus"] == "ENABLED",
        "sweeps": bool(parameters["SweepSchedule"]),
    }
    sources = [name for name, is_on in names.items() if is_on]
    if len(sources) > 1:
        yield (
            f"a camera that tags its fragments is analyzed by {' and by '.join(sources)}, and each analysis is paid for"
        )
    if detector == NO_DETECTOR:
        yield "nothing is analyzed: the configuration document sets detector to null"
    elif not sources and parameters["NotificationStatus"] != "ENABLED":
        yield "nothing is analyzed: image generation, live consumers, sweeps and notifications are all off"


def budget_warnings(parameters: Mapping[str, str], budget: Budget) -> Iterator[str]:
    """Yields warnings about limits that are below what all calls cost."""
    for name, usd in budget.limits.items():
        if usd < budget.usd_a_day:
            yield (
                f"{assignment(name, parameters[name])} is less than the ${budget.usd_a_day:,.2f} per day of all calls: "
                f"{1 - budget.share:.0%} of the images that the detector would get are over the budget and not analyzed"
            )
