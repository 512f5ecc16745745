"""Ports of summarize_range."""

from __future__ import annotations

from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.ports import WorkStore
from kinesight.settings import WorkflowSettings

clients.create_on_lambda(clients.s3)


class SummarizeRangeSettings(WorkflowSettings):
    """The evidence is kept by keep_evidence; a summary links to it."""

    evidence_bucket: str


@cache
def _environment() -> SummarizeRangeSettings:
    return SummarizeRangeSettings.from_environment()


def work() -> WorkStore:
    """Raises InvalidSettingError."""
    return S3Bucket(clients.s3(), _environment().work_bucket)


def evidence_bucket() -> str:
    """Where keep_evidence writes. Raises InvalidSettingError."""
    return _environment().evidence_bucket
