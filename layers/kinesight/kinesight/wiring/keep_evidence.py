"""Ports of keep_evidence."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from pydantic import Field

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.adapters.kvs.fragment_archive import KvsFragmentArchive
from kinesight.adapters.media.pillow_images import PillowAnnotator
from kinesight.adapters.messages.sns_alerts import SnsAlertChannel
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.s3.evidence_store import S3EvidenceStore
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.domain.evidence.keep_evidence import EvidencePorts
from kinesight.settings import ConfiguredSettings
from kinesight.wiring.current_configuration import current_configuration

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.s3, clients.sns, clients.sqs)


class KeepEvidenceSettings(ConfiguredSettings):
    """Where evidence is kept, and alerts per image go."""

    evidence_bucket: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    dead_letter_queue_url: str
    alert_topic_arn: str


_NAME = "keep_evidence"


@cache
def _environment() -> KeepEvidenceSettings:
    return KeepEvidenceSettings.from_environment()


def ports(remaining_ms: Callable[[], int]) -> EvidencePorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError, InvalidConfigurationError,
    StorageBusyError."""
    environment = _environment()
    configuration = current_configuration(environment)()
    alerts = configuration.document.alerts
    return EvidencePorts(
        images=S3ImageStore(clients.s3()),
        fragments=KvsFragmentArchive(clients.archived_media(), sleep=time.sleep),
        store=S3EvidenceStore(clients.s3(), environment.evidence_bucket, link_seconds=alerts.link_seconds),
        annotator=PillowAnnotator(),
        alerts=SnsAlertChannel(clients.sns(), environment.alert_topic_arn) if alerts.per == "IMAGE" else None,
        ledger=PowertoolsLedger(
            clients.dynamodb(),
            environment.idempotency_table,
            name=_NAME,
            kept_seconds=environment.idempotency_hours * 3600,
            remaining_ms=remaining_ms,
        ),
        dead_letters=SqsDeadLetters(clients.sqs(), environment.dead_letter_queue_url, source=_NAME),
        keep=lambda stream_name: configuration.of_stream(stream_name).camera.keep,
        pause=time.sleep,
        remaining_ms=remaining_ms,
    )
