"""How cameras are used: what no parameter of the template says. Every figure can be set, and is printed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

MONTH_S = 30 * 86_400
"""Thirty days, for everything."""


class WorkloadError(Exception):
    """An assumption that can't be; the message says why."""


def _assumed(value: float, text: str) -> Any:
    return field(default=value, metadata={"text": text})


@dataclass(frozen=True, slots=True)
class Workload:
    """One stack's cameras, all alike."""

    cameras: float = _assumed(1, "cameras on the stack, all alike")
    hours_per_day: float = _assumed(24, "hours a day that a camera sends")
    megabits_per_second: float = _assumed(1, "of a camera that sends")
    fragment_seconds: float = _assumed(2, "length of a fragment, which begins with its only keyframe")
    retention_hours: float = _assumed(24, "that KVS keeps the video (DataRetentionInHours)")
    tagged_share: float = _assumed(1, "of the fragments are tagged for image generation")
    notified_share: float = _assumed(0.02, "of the fragments are tagged for notifications")
    changed_share: float = _assumed(0.1, "of the pictures are let through by FrameGate=ON (docs/gate.md: 5 to 14 %)")
    matched_share: float = _assumed(0.02, "of all pictures match the rules")
    chained_share: float = _assumed(0.02, "of all pictures are looked at by ThenDetector")
    crops: float = _assumed(1, "parts of such a picture, with ThenOn=CROP")
    sessions_per_day: float = _assumed(20, "sessions a day and camera")
    updates_per_session: float = _assumed(2, "times that a session tells of something new between its begin and end")
    pictures_per_invocation: float = _assumed(1, "that analyze_images gets at once; more cameras make it more")
    detector_seconds: float = _assumed(0.6, "that the detector takes for a picture")
    picture_kilobytes: float = _assumed(100, "a picture")
    record_kilobytes: float = _assumed(3, "a result record")
    activity_kilobytes: float = _assumed(4, "what is remembered of a camera for its sessions")
    log_kilobytes_per_invocation: float = _assumed(1.5, "with Lambda's own lines and the metrics")
    log_kilobytes_per_picture: float = _assumed(0.6, "at LogLevel INFO")
    stack_metrics: float = _assumed(
        15, "custom metrics of the stack that have values all the time (docs/operations.md)"
    )
    live_metrics: float = _assumed(25, "more of them with LiveStatus=ENABLED")
    endpoint_instances: float = _assumed(1, "instances behind a SageMaker endpoint, whole months")

    @property
    def active_s(self) -> float:
        """Seconds a month that all cameras together send."""
        return self.cameras * MONTH_S * self.hours_per_day / 24

    @property
    def gigabytes(self) -> float:
        """A month, of all cameras together; 10^9 bytes."""
        return self.active_s * self.megabits_per_second / 8_000


def assumed(settings: Iterable[str]) -> Workload:
    """The defaults with these NAME=VALUE. Raises WorkloadError."""
    known = {one.name for one in fields(Workload)}
    given: dict[str, float] = {}
    for text in settings:
        name, _, value = text.partition("=")
        if name not in known:
            raise WorkloadError(f"{name!r} is no assumption; there are {', '.join(sorted(known))}")
        given[name] = _number(name, value)
    return replace(Workload(), **given)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise WorkloadError(f"{name} is {text!r}, which is no number") from error
    most = {"hours_per_day": 24.0}.get(name, 1.0 if name.endswith("_share") else float("inf"))
    least = 1e-6 if name in ("cameras", "fragment_seconds", "pictures_per_invocation", "record_kilobytes") else 0.0
    if not least <= value <= most or value == float("inf"):
        raise WorkloadError(f"{name} is {text}: it goes from {least:g} to {most:g}")
    return value


def told(workload: Workload) -> dict[str, tuple[float, str]]:
    """By name: the figure, and what it is of."""
    return {one.name: (getattr(workload, one.name), one.metadata["text"]) for one in fields(workload)}
