"""What is expensive, and which parameter would save most."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kinesight_cli.cost.bill import Bill
from kinesight_cli.cost.workload import MONTH_S

_DEAR_USD = 500.0
_WORTH_IT = 0.02
_SLOWER = 3
_LABELS_PER_SECOND = {"us-east-1": 50, "us-west-2": 50, "eu-west-1": 50}
_LABELS_PER_SECOND_ELSEWHERE = 5
"""DetectLabels ("Guidelines and quotas in Amazon Rekognition")."""
_DETECTORS = ("rekognition.image", "bedrock")


@dataclass(frozen=True, slots=True)
class Saving:
    """What one change of a parameter would save, USD per camera and month."""

    parameter: str
    value: str
    usd_per_camera: float


def best_saving(
    parameters: Mapping[str, str], bill: Bill, estimate: Callable[[Mapping[str, str]], Bill]
) -> Saving | None:
    """Of the parameters that cost without being what the stack is for; None if nothing saves two per cent."""
    found = [
        Saving(name, value, bill.usd_per_camera - estimate({**parameters, name: value}).usd_per_camera)
        for name, value in _changes(parameters)
    ]
    best = max(found, key=lambda one: one.usd_per_camera, default=None)
    return best if best is not None and best.usd_per_camera > _WORTH_IT * bill.usd_per_camera else None


def _changes(parameters: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    plain = {"FrameGate": "ON", "ThenDetector": "NONE", "SessionClip": "DISABLED", "Architecture": "arm64"}
    for name, value in plain.items():
        if parameters[name] != value:
            yield name, value
    for name in ("SamplingInterval", "LiveSamplingInterval", "AnalysisSamplingInterval"):
        yield name, str(_SLOWER * int(parameters[name]))
    if int(parameters["ResultsShardCount"]) > 1:
        yield "ResultsShardCount", "1"


def warnings(parameters: Mapping[str, str], bill: Bill, calls: float, region: str) -> Iterator[str]:
    """`calls`: of the detector, a month of all cameras together."""
    detector, usd = parameters["Detector"], bill.usd_of(*_DETECTORS)
    if usd > _DEAR_USD:
        yield f"{detector} alone is ${usd:,.2f} per camera and month: {calls / bill.cameras:,.0f} calls"
    most = _LABELS_PER_SECOND.get(region, _LABELS_PER_SECOND_ELSEWHERE)
    if detector == "REKOGNITION_LABELS" and calls / MONTH_S > most:
        yield (
            f"{calls / MONTH_S:,.1f} DetectLabels calls a second are more than the default quota of {most}: "
            "raise it in Service Quotas, or pictures wait"
        )
    yield from _budget(parameters, bill)
    names = {
        "image generation": parameters["ImageGenerationStatus"] == "ENABLED",
        "live consumers": parameters["LiveStatus"] == "ENABLED",
        "sweeps": bool(parameters["SweepSchedule"]),
    }
    sources = [name for name, is_on in names.items() if is_on]
    if len(sources) > 1:
        yield f"a camera that tags its fragments is analyzed by {' and by '.join(sources)}, and paid for each time"
    if not sources and parameters["NotificationStatus"] != "ENABLED":
        yield "nothing is analyzed: image generation, live consumers, sweeps and notifications are all off"


def _budget(parameters: Mapping[str, str], bill: Bill) -> Iterator[str]:
    """A limit holds pictures back; the estimate takes all of them to be analyzed."""
    usd_a_day = bill.usd_of(*_DETECTORS) * bill.cameras / 30
    limits = {"DailyBudgetUsd": 1.0, "DailyBudgetUsdPerStream": bill.cameras}
    for name, times in limits.items():
        if parameters[name] and float(parameters[name]) * times < usd_a_day:
            yield (
                f"{name}={parameters[name]} is less than the ${usd_a_day:,.2f} a day of all calls: "
                "the rest is held back, and the detector costs no more than that"
            )
