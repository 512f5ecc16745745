"""What extract_images works with."""

from __future__ import annotations

import time

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.fragment_archive_kvs import KvsFragmentArchive
from kinesight.adapters.image_archive_kvs import KvsArchive
from kinesight.adapters.pictures_av import AvImageExtractor
from kinesight.adapters.work_store_s3 import S3Bucket
from kinesight.domain.on_demand.extract_images import ExtractionPorts
from kinesight.settings import ExtractImagesSettings


def ports() -> ExtractionPorts:
    """Raises InvalidSettingError."""
    wanted = ExtractImagesSettings.from_environment()
    media = clients.archived_media()
    return ExtractionPorts(
        KvsArchive(clients.kinesis_video(), media, sleep=time.sleep),
        KvsFragmentArchive(media, sleep=time.sleep),
        AvImageExtractor(),
        S3Bucket(clients.s3(), wanted.work_bucket),
    )
