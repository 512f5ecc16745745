"""Ports of track_sessions."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from pydantic import Field

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.adapters.dynamodb.sessions import DynamoDbSessions
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.messages.sqs_delayed_messages import SqsDelayedMessages
from kinesight.adapters.s3.evidence_store import S3EvidenceStore
from kinesight.domain.parameters import CommaList, ParameterModel
from kinesight.domain.sessions.channels import CHANNELS
from kinesight.domain.sessions.outbox import NotificationTargets
from kinesight.domain.sessions.track_sessions import SessionPorts
from kinesight.environment import CatalogueSettings
from kinesight.settings import ConfiguredSettings
from kinesight.wiring.channels import channels
from kinesight.wiring.current_configuration import current_configuration

clients.create_on_lambda(clients.dynamodb, clients.s3, clients.sqs)


class TrackSessionsSettings(ConfiguredSettings, CatalogueSettings):
    """Settings of sessions and of their channels."""

    @classmethod
    def models(cls) -> list[type[ParameterModel]]:
        return [one.settings for one in CHANNELS.values()]

    coordination_table: str
    sessions_table: str
    evidence_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    dead_letter_queue_url: str
    labels: CommaList = Field(default=[])
    alert_topic_arn: str
    image_selector_type: Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"] = "PRODUCER_TIMESTAMP"
    session_clip_queue_url: str

    def camera_parameters(self) -> dict[str, Any]:
        return super().camera_parameters() | {"labels": self.labels}


_NAME = "track_sessions"


@cache
def _environment() -> TrackSessionsSettings:
    return TrackSessionsSettings.from_environment()


def ports(remaining_ms: Callable[[], int]) -> SessionPorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError, InvalidConfigurationError,
    StorageBusyError."""
    settings = _environment()
    return SessionPorts(
        states=DynamoDbDocuments(clients.dynamodb(), settings.coordination_table, kind="activity"),
        configuration=current_configuration(settings),
        targets=_targets(settings, remaining_ms),
        dead_letters=SqsDeadLetters(clients.sqs(), settings.dead_letter_queue_url, source=_NAME),
        now_ms=lambda: round(time.time() * 1000),
        clips=SqsDelayedMessages(clients.sqs(), settings.session_clip_queue_url),
        pause=time.sleep,
        remaining_ms=remaining_ms,
        selector=settings.image_selector_type,
    )


def _targets(settings: TrackSessionsSettings, remaining_ms: Callable[[], int]) -> NotificationTargets:
    document = current_configuration(settings)().document
    found = channels(settings.values, document)
    return NotificationTargets(
        sessions=DynamoDbSessions(
            clients.dynamodb(),
            settings.sessions_table,
            kept_seconds=settings.evidence_retention_days * 86_400,
            epoch_s=time.time,
        ),
        events={name: one.events for name, one in found.items() if one.events is not None},
        alerts={name: one.alerts for name, one in found.items() if one.alerts is not None},
        link=S3EvidenceStore(clients.s3(), settings.evidence_bucket, link_seconds=document.alerts.link_seconds).link,
        ledger=PowertoolsLedger(
            clients.dynamodb(),
            settings.idempotency_table,
            name=_NAME,
            kept_seconds=settings.idempotency_hours * 3600,
            remaining_ms=remaining_ms,
        ),
    )
