"""What detect_objects works with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.work_store_s3 import S3Bucket
from kinesight.domain.analysis.frame_counts import FrameCounts
from kinesight.domain.analysis.pipeline import DetectionPlan
from kinesight.domain.on_demand.detect_objects import WindowPorts
from kinesight.settings import DetectObjectsSettings
from kinesight.wiring import detection


@cache
def settings() -> DetectObjectsSettings:
    return DetectObjectsSettings.from_environment()


def plan() -> DetectionPlan:
    """What the parameters ask of every frame. Raises InvalidSettingError."""
    return detection.plan(settings())


def ports(
    remaining_ms: Callable[[], int], tell: Callable[[dict[str, FrameCounts]], None], detector: str | None
) -> WindowPorts:
    """As `detection.ports`. `detector`: the execution's own choice, if any."""
    work = S3Bucket(clients.s3(), settings().work_bucket)
    return WindowPorts(detection.ports(settings().with_detector(detector), remaining_ms, tell), work)
