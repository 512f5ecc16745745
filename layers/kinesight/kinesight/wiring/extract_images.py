"""Ports of extract_images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from kinesight.adapters.aws import clients
from kinesight.adapters.kvs.fragment_archive import KvsFragmentArchive
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.on_demand.extract_images import ExtractionPorts
from kinesight.domain.ports import ImageSpec, SlotImage
from kinesight.settings import WorkflowSettings

clients.create_on_lambda(clients.kinesis_video, clients.s3)


class ExtractImagesSettings(WorkflowSettings):
    """Nothing besides."""


_LARGEST_PIXELS = 2 * 3840 * 2160
"""A decoder of B-frames holds up to 17 frames: 425 MB of the function's 1 GB."""


def ports(remaining_ms: Callable[[], int]) -> ExtractionPorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError."""
    environment = ExtractImagesSettings.from_environment()
    media = clients.archived_media()
    return ExtractionPorts(
        KvsArchive(media, sleep=time.sleep),
        KvsFragmentArchive(media, sleep=time.sleep),
        _LazyImageExtractor(),
        S3Bucket(clients.s3(), environment.work_bucket),
        remaining_ms,
    )


class _LazyImageExtractor:
    """Imports PyAV, a third of a cold start, with the first image: GetImages has all images of most windows."""

    def extract(self, matroska: bytes, moments_ms: Sequence[int], spec: ImageSpec) -> Iterator[SlotImage]:
        from kinesight.adapters.media.av_image_extractor import AvImageExtractor

        return AvImageExtractor(_LARGEST_PIXELS).extract(matroska, moments_ms, spec)
