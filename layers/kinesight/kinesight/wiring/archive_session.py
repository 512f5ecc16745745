"""Ports of archive_session."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from pydantic import Field

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.sessions import DynamoDbSessionClips
from kinesight.adapters.dynamodb.viewer_sessions import DynamoDbSessionMarks
from kinesight.adapters.kvs.fragment_archive import KvsFragmentArchive
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.messages.sqs_delayed_messages import SqsDelayedMessages
from kinesight.adapters.s3.evidence_reader import S3EvidenceReader
from kinesight.adapters.s3.evidence_store import S3EvidenceStore
from kinesight.domain.sessions.archive_session import ArchivePorts
from kinesight.domain.viewer.evidence import EvidenceBuckets, LegalHoldCopies
from kinesight.environment import Settings

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.s3, clients.sqs)


class ArchiveSessionSettings(Settings):
    """Where sessions' videos go, and where what is left of one is sent."""

    evidence_bucket: str
    images_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    sessions_table: str
    queue_url: str
    dead_letter_queue_url: str


_NAME = "archive_session"
_NO_LINKS_S = 60


@cache
def _environment() -> ArchiveSessionSettings:
    return ArchiveSessionSettings.from_environment()


def ports(remaining_ms: Callable[[], int]) -> ArchivePorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError."""
    environment = _environment()
    archive = KvsArchive(clients.archived_media(), sleep=time.sleep)
    return ArchivePorts(
        index=archive,
        streams=KvsStreamDirectory(clients.kinesis_video()),
        fragments=KvsFragmentArchive(clients.archived_media(), sleep=time.sleep),
        store=S3EvidenceStore(clients.s3(), environment.evidence_bucket, link_seconds=_NO_LINKS_S),
        videos=DynamoDbSessionClips(clients.dynamodb(), environment.sessions_table),
        legal_hold=_legal_hold(),
        orders=SqsDelayedMessages(clients.sqs(), environment.queue_url),
        dead_letters=SqsDeadLetters(clients.sqs(), environment.dead_letter_queue_url, source=_NAME),
        remaining_ms=remaining_ms,
        now_ms=lambda: round(time.time() * 1000),
    )


def _legal_hold() -> LegalHoldCopies:
    environment = _environment()
    days = environment.evidence_retention_days
    return LegalHoldCopies(
        DynamoDbSessionMarks(
            clients.dynamodb(), environment.sessions_table, kept_seconds=days * 86_400, epoch_s=time.time
        ),
        EvidenceBuckets(
            evidence=S3EvidenceReader(clients.s3(), environment.evidence_bucket, link_seconds=_NO_LINKS_S),
            images=S3EvidenceReader(clients.s3(), environment.images_bucket, link_seconds=_NO_LINKS_S),
            images_bucket=environment.images_bucket,
            kept_days=days,
        ),
    )
