"""What summarize_range works with."""

from __future__ import annotations

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.work_store_s3 import S3WorkStore
from kinesight.domain.ports import WorkStore
from kinesight.settings import SummarizeRangeSettings


def work() -> WorkStore:
    """Raises InvalidSettingError."""
    return S3WorkStore(clients.s3(), SummarizeRangeSettings.from_environment().work_bucket)
