"""What plan_windows works with."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.image_archive_kvs import KvsArchive
from kinesight.adapters.work_store_s3 import S3Bucket
from kinesight.domain.on_demand.plan_windows import PlanningPorts
from kinesight.settings import PlanWindowsSettings


def ports() -> PlanningPorts:
    """Raises InvalidSettingError."""
    wanted = PlanWindowsSettings.from_environment()
    archive = KvsArchive(clients.kinesis_video(), clients.archived_media(), sleep=time.sleep)
    work = S3Bucket(clients.s3(), wanted.work_bucket)
    return PlanningPorts(
        archive, archive, work, lambda: datetime.now(UTC), missing_parameters=wanted.missing_parameters()
    )
