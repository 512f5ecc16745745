"""Assumptions about the use of cameras, which no setting has. Each can be set, and is printed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from kinesight_cli.shared.errors import CommandError

MONTH_S = 30 * 86_400
"""Thirty days, in every formula."""


class WorkloadError(CommandError):
    """An assumption has an unknown name or an invalid value."""


def _assumed(value: float, text: str) -> Any:
    return field(default=value, metadata={"text": text})


@dataclass(frozen=True, slots=True)
class Workload:
    """Cameras of one stack, all with the same use."""

    cameras: float = _assumed(1, "cameras of the stack, all with the same use")
    hours_per_day: float = _assumed(24, "hours per day that a camera sends")
    megabits_per_second: float = _assumed(1, "bit rate of a camera that sends")
    fragment_seconds: float = _assumed(2, "length of a fragment, which has one keyframe")
    retention_hours: float = _assumed(24, "retention of the video (DataRetentionInHours)")
    tagged_share: float = _assumed(1, "share of fragments that are tagged for image generation")
    notified_share: float = _assumed(0.02, "share of fragments that are tagged for notifications")
    changed_share: float = _assumed(
        0.1, "share of images that have changed; gate.mode=ON passes them, and one per maximumIntervalSeconds of others"
    )
    matched_share: float = _assumed(0.02, "share of images that match the rules")
    chained_share: float = _assumed(0.02, "share of images that followUp.detector analyzes")
    crops: float = _assumed(1, "crops per image that followUp.detector analyzes, with followUp.on=CROP")
    sessions_per_day: float = _assumed(20, "sessions per day and camera")
    updates_per_session: float = _assumed(2, "updates of a session between its start and end")
    images_per_invocation: float = _assumed(
        0, "images per invocation of analyze_images; 0: those of a fragment, more if MaximumConcurrency is reached"
    )
    detector_seconds: float = _assumed(0.6, "duration of a detector call")
    image_seconds: float = _assumed(0.1, "duration of what else a function does per image")
    further_image_seconds: float = _assumed(
        0.02, "by which each further image of its wave prolongs that (docs/scale.md)"
    )
    image_kilobytes: float = _assumed(100, "size of an image")
    record_kilobytes: float = _assumed(3, "size of a result record")
    activity_kilobytes: float = _assumed(4, "size of the session state of a camera")
    log_kilobytes_per_invocation: float = _assumed(0.5, "Lambda's own log lines, at any LogLevel")
    metric_kilobytes_per_invocation: float = _assumed(1, "log lines of metrics, of invocations that count something")
    log_kilobytes_per_line: float = _assumed(0.62, "size of a line of a function; LogLevel decides which are written")
    stack_metrics: float = _assumed(15, "custom metrics of the stack that always have values (docs/operations.md)")
    live_metrics: float = _assumed(25, "additional custom metrics with LiveStatus=ENABLED")
    endpoint_instances: float = _assumed(1, "instances of a SageMaker endpoint, whole months")

    @property
    def active_s(self) -> float:
        """Seconds per month that all cameras together send."""
        return self.cameras * MONTH_S * self.hours_per_day / 24

    @property
    def gigabytes(self) -> float:
        """Video per month of all cameras together, in 10^9 bytes."""
        return self.active_s * self.megabits_per_second / 8_000


def assumed(settings: Iterable[str]) -> Workload:
    """Returns the defaults, changed by texts of the form NAME=VALUE. Raises WorkloadError."""
    known = {one.name for one in fields(Workload)}
    given: dict[str, float] = {}
    for text in settings:
        name, _, value = text.partition("=")
        if name not in known:
            raise WorkloadError(f"{name!r} is not an assumption: choose one of {', '.join(sorted(known))}")
        given[name] = _number(name, value)
    return replace(Workload(), **given)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise WorkloadError(f"{name} is {text!r}, which is not a number") from error
    most = {"hours_per_day": 24.0}.get(name, 1.0 if name.endswith("_share") else float("inf"))
    least = 1e-6 if name in ("cameras", "fragment_seconds", "record_kilobytes") else 0.0
    if not least <= value <= most or value == float("inf"):
        raise WorkloadError(f"{name} is {text}: the range is {least:g} to {most:g}")
    return value


def described(workload: Workload) -> dict[str, tuple[float, str]]:
    """Returns by name the value of each assumption and what it means."""
    return {one.name: (getattr(workload, one.name), one.metadata["text"]) for one in fields(workload)}
