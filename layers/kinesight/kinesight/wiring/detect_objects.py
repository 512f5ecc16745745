"""Ports and settings of detect_objects."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.analysis.pipeline import PipelineSettings
from kinesight.domain.on_demand.detect_objects import WindowPorts
from kinesight.wiring import detection

clients.create_on_lambda(clients.s3)


class DetectObjectsSettings(DetectionSettings):
    """Detection as for every source."""

    work_bucket: str


@cache
def _environment() -> DetectObjectsSettings:
    return DetectObjectsSettings.from_environment()


def settings() -> PipelineSettings:
    """Settings of every frame. Raises InvalidSettingError."""
    return detection.pipeline_settings(_environment())


def has_stream_metrics(stream_name: str) -> bool:
    """As `detection.has_stream_metrics`."""
    return detection.has_stream_metrics(_environment(), stream_name)


def ports(remaining_ms: Callable[[], int], detector: str | None) -> WindowPorts:
    """As `detection.ports`. `detector`: the execution's own choice, if any."""
    environment = _environment()
    work = S3Bucket(clients.s3(), environment.work_bucket)
    return WindowPorts(detection.ports(environment, remaining_ms, chosen_detector=detector), work, remaining_ms)
