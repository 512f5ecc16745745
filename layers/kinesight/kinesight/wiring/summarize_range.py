"""Ports of summarize_range."""

from __future__ import annotations

from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.ports import WorkStore
from kinesight.settings import SummarizeRangeSettings


@cache
def _environment() -> SummarizeRangeSettings:
    return SummarizeRangeSettings.from_environment()


def work() -> WorkStore:
    """Raises InvalidSettingError."""
    return S3Bucket(clients.s3(), _environment().work_bucket)


def evidence_bucket() -> str:
    """Where keep_evidence writes. Raises InvalidSettingError."""
    return _environment().evidence_bucket
