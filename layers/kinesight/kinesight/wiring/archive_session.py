"""What archive_session works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.dead_letters_sqs import SqsDeadLetters
from kinesight.adapters.evidence_shelf_s3 import S3EvidenceReader
from kinesight.adapters.evidence_store_s3 import S3EvidenceStore
from kinesight.adapters.fragment_archive_kvs import KvsFragmentArchive
from kinesight.adapters.image_archive_kvs import KvsArchive
from kinesight.adapters.reminders_sqs import SqsDelayedMessages
from kinesight.adapters.session_store_dynamodb import DynamoDbSessionClips
from kinesight.adapters.viewer_events_dynamodb import DynamoDbEventMarks
from kinesight.domain.sessions.archive_session import ArchivePorts
from kinesight.domain.viewer.evidence import HeldCopies, EvidenceBuckets
from kinesight.settings import ArchiveSessionSettings

_NAME = "archive_session"
_NO_LINKS_S = 60


@cache
def settings() -> ArchiveSessionSettings:
    return ArchiveSessionSettings.from_environment()


def ports(remaining_ms: Callable[[], int]) -> ArchivePorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError."""
    wanted = settings()
    archive = KvsArchive(clients.kinesis_video(), clients.archived_media(), sleep=time.sleep)
    return ArchivePorts(
        index=archive,
        streams=archive,
        fragments=KvsFragmentArchive(clients.archived_media(), sleep=time.sleep),
        store=S3EvidenceStore(clients.s3(), wanted.evidence_bucket, link_seconds=_NO_LINKS_S),
        videos=DynamoDbSessionClips(clients.dynamodb(), wanted.events_table),
        held=_held(),
        orders=SqsDelayedMessages(clients.sqs(), wanted.queue_url),
        dead_letters=SqsDeadLetters(clients.sqs(), wanted.dead_letter_queue_url, source=_NAME),
        remaining_ms=remaining_ms,
        now_ms=lambda: round(time.time() * 1000),
    )


def _held() -> HeldCopies:
    wanted = settings()
    days = wanted.evidence_retention_days
    return HeldCopies(
        DynamoDbEventMarks(clients.dynamodb(), wanted.events_table, kept_seconds=days * 86_400, epoch_s=time.time),
        EvidenceBuckets(
            evidence=S3EvidenceReader(clients.s3(), wanted.evidence_bucket, link_seconds=_NO_LINKS_S),
            images=S3EvidenceReader(clients.s3(), wanted.images_bucket, link_seconds=_NO_LINKS_S),
            images_bucket=wanted.images_bucket,
            kept_days=days,
        ),
    )
