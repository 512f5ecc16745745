"""What track_sessions works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.alert_channel_sns import SnsAlertChannel
from kinesight.adapters.dead_letters_sqs import SqsDeadLetters
from kinesight.adapters.documents_dynamodb import DynamoDbDocuments
from kinesight.adapters.evidence_store_s3 import S3EvidenceStore
from kinesight.adapters.ledger_powertools import PowertoolsLedger
from kinesight.adapters.reminders_sqs import SqsReminders
from kinesight.adapters.session_channel_eventbridge import EventBridgeSessions, NoSessionEvents
from kinesight.adapters.session_store_dynamodb import DynamoDbSessions
from kinesight.domain.track_sessions import SessionPorts, VideoOrders
from kinesight.settings import TrackSessionsSettings
from kinesight.wiring.current_rules import current_rules

_NAME = "track_sessions"


@cache
def settings() -> TrackSessionsSettings:
    return TrackSessionsSettings.from_environment()


def ports(remaining_ms: Callable[[], int]) -> SessionPorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError."""
    wanted = settings()
    evidence = S3EvidenceStore(clients.s3(), wanted.evidence_bucket, link_seconds=wanted.alert_link_seconds)
    bus, videos = wanted.event_bus_name, wanted.session_video_queue_url
    return SessionPorts(
        activities=DynamoDbDocuments(clients.dynamodb(), wanted.coordination_table, kind="activity"),
        rules=current_rules(wanted.configuration_bucket, tuple(wanted.labels), wanted.minimum_confidence),
        sessions=DynamoDbSessions(
            clients.dynamodb(),
            wanted.events_table,
            kept_seconds=wanted.evidence_retention_days * 86_400,
            epoch_s=time.time,
        ),
        events=NoSessionEvents() if bus is None else EventBridgeSessions(clients.events(), bus),
        alerts=SnsAlertChannel(clients.sns(), wanted.alert_topic_arn) if wanted.alert_per == "SESSION" else None,
        link=evidence.link,
        ledger=PowertoolsLedger(
            clients.dynamodb(),
            wanted.idempotency_table,
            function_name=_NAME,
            kept_seconds=wanted.idempotency_hours * 3600,
            remaining_ms=remaining_ms,
        ),
        dead_letters=SqsDeadLetters(clients.sqs(), wanted.dead_letter_queue_url, source=_NAME),
        now_ms=lambda: round(time.time() * 1000),
        videos=VideoOrders(SqsReminders(clients.sqs(), videos), wanted.session_video_settle_seconds)
        if videos
        else None,
        selector=wanted.image_selector_type,
    )
