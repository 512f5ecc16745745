"""Ports of render_timelapse."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from kinesight.adapters.aws import clients
from kinesight.adapters.media.av_timelapse_encoder import AvTimelapseEncoder
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.on_demand.render_timelapse import RenderingPorts
from kinesight.settings import WorkflowSettings

clients.create_on_lambda(clients.s3)


class RenderTimelapseSettings(WorkflowSettings):
    """Videos are kept beside the evidence."""

    evidence_bucket: str


@cache
def _environment() -> RenderTimelapseSettings:
    return RenderTimelapseSettings.from_environment()


def ports(folder: Path, remaining_ms: Callable[[], int]) -> RenderingPorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError."""
    environment = _environment()
    return RenderingPorts(
        work=S3Bucket(clients.s3(), environment.work_bucket),
        encoder=AvTimelapseEncoder(),
        parts=S3Bucket(clients.s3(), environment.work_bucket),
        videos=S3Bucket(clients.s3(), environment.evidence_bucket),
        folder=folder,
        remaining_ms=remaining_ms,
    )
