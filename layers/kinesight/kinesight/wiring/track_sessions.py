"""What track_sessions works with."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from functools import cache, partial

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.adapters.dynamodb.sessions import DynamoDbSessions
from kinesight.adapters.messages.eventbridge_sessions import EventBridgeSessions
from kinesight.adapters.messages.iot_sessions import IotAlerts, IotSessions
from kinesight.adapters.messages.sns_alerts import SnsAlertChannel
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.messages.sqs_delayed_messages import SqsDelayedMessages
from kinesight.adapters.messages.webhook_alerts import WebhookAlerts
from kinesight.adapters.s3.evidence_store import S3EvidenceStore
from kinesight.adapters.secrets.secrets_manager import webhook_secret
from kinesight.domain.sessions.alerts import alert_of
from kinesight.domain.sessions.outbox import AlertRoute, NotificationTargets
from kinesight.domain.sessions.ports import SessionChannel
from kinesight.domain.sessions.rekognition_alerts import rekognition_alert
from kinesight.domain.sessions.track_sessions import ClipOrders, SessionPorts
from kinesight.domain.sessions.webhook_messages import webhook_messages
from kinesight.settings import TrackSessionsSettings
from kinesight.wiring.current_rules import current_rules

_NAME = "track_sessions"


@cache
def settings() -> TrackSessionsSettings:
    return TrackSessionsSettings.from_environment()


def ports(remaining_ms: Callable[[], int]) -> SessionPorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError."""
    wanted = settings()
    videos = wanted.session_clip_queue_url
    return SessionPorts(
        activities=DynamoDbDocuments(clients.dynamodb(), wanted.coordination_table, kind="activity"),
        rules=current_rules(wanted.configuration_bucket, tuple(wanted.labels), wanted.minimum_confidence),
        audience=_audience(wanted, remaining_ms),
        dead_letters=SqsDeadLetters(clients.sqs(), wanted.dead_letter_queue_url, source=_NAME),
        now_ms=lambda: round(time.time() * 1000),
        videos=ClipOrders(SqsDelayedMessages(clients.sqs(), videos), wanted.session_clip_settle_seconds)
        if videos
        else None,
        selector=wanted.image_selector_type,
    )


def _audience(wanted: TrackSessionsSettings, remaining_ms: Callable[[], int]) -> NotificationTargets:
    return NotificationTargets(
        sessions=DynamoDbSessions(
            clients.dynamodb(),
            wanted.events_table,
            kept_seconds=wanted.evidence_retention_days * 86_400,
            epoch_s=time.time,
        ),
        events=_event_channels(wanted),
        alerts=_alert_routes(wanted),
        link=S3EvidenceStore(clients.s3(), wanted.evidence_bucket, link_seconds=wanted.alert_link_seconds).link,
        ledger=PowertoolsLedger(
            clients.dynamodb(),
            wanted.idempotency_table,
            name=_NAME,
            kept_seconds=wanted.idempotency_hours * 3600,
            remaining_ms=remaining_ms,
        ),
    )


def _event_channels(wanted: TrackSessionsSettings) -> dict[str, SessionChannel]:
    channels: dict[str, SessionChannel] = {}
    if wanted.event_bus_name is not None:
        channels["eventbridge"] = EventBridgeSessions(clients.events(), wanted.event_bus_name)
    if wanted.iot_topic is not None:
        channels["iot"] = IotSessions(clients.iot_data, wanted.iot_topic)
    return channels


def _alert_routes(wanted: TrackSessionsSettings) -> dict[str, AlertRoute]:
    """Per picture there are alerts on the topic alone, which another function sends."""
    routes: dict[str, AlertRoute] = {}
    if wanted.alert_per == "SESSION":
        topic = SnsAlertChannel(clients.sns(), wanted.alert_topic_arn)
        as_rekognition = partial(rekognition_alert, bucket=wanted.evidence_bucket)
        routes["sns"] = AlertRoute(topic, as_rekognition if wanted.alert_format == "REKOGNITION" else alert_of)
    if wanted.iot_topic is not None:
        routes["iot"] = AlertRoute(IotAlerts(IotSessions(clients.iot_data, wanted.iot_topic)))
    webhook = _webhook()
    if webhook is not None:
        routes["webhook"] = AlertRoute(webhook)
    return routes


@cache
def _webhook() -> WebhookAlerts | None:
    """Kept, because it remembers its secret and whether it rests."""
    wanted = settings()
    if wanted.webhook_secret_arn is None:
        return None
    return WebhookAlerts(
        webhook_secret(clients.secrets_manager(), wanted.webhook_secret_arn, monotonic_s=time.monotonic),
        partial(webhook_messages, wanted.webhook_format),
        tls=ssl.create_default_context(),
        monotonic_s=time.monotonic,
    )
