"""What summarize_range works with."""

from __future__ import annotations

from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.ports import WorkStore
from kinesight.settings import SummarizeRangeSettings


@cache
def settings() -> SummarizeRangeSettings:
    return SummarizeRangeSettings.from_environment()


def work() -> WorkStore:
    """Raises InvalidSettingError."""
    return S3Bucket(clients.s3(), settings().work_bucket)


def evidence_bucket() -> str:
    """Where keep_evidence writes. Raises InvalidSettingError."""
    return settings().evidence_bucket
