"""Channels of the catalogue with their adapters: one factory for each."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from kinesight.adapters.aws import clients
from kinesight.adapters.messages.eventbridge_sessions import EventBridgeSessions
from kinesight.adapters.messages.iot_sessions import IotAlerts, IotSessions
from kinesight.adapters.messages.sns_alerts import SnsAlertChannel
from kinesight.adapters.messages.webhook_alerts import WebhookAlerts
from kinesight.adapters.secrets.secrets_manager import webhook_secret
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.outputs import WebhookFormat
from kinesight.domain.parameters import ParameterModel
from kinesight.domain.sessions import channels as catalogue
from kinesight.domain.sessions.alerts import alert_of
from kinesight.domain.sessions.channels import CHANNELS, ChannelEntry
from kinesight.domain.sessions.outbox import AlertRoute
from kinesight.domain.sessions.ports import SessionChannel
from kinesight.domain.sessions.rekognition_alerts import rekognition_alert
from kinesight.domain.sessions.webhook_messages import webhook_messages


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a channel sends events of sessions, and alerts; None for what it does not carry."""

    events: SessionChannel | None = None
    alerts: AlertRoute | None = None


_FACTORIES: dict[str, Callable[[Any, ConfigurationDocument], Channel]] = {}


def _factory[S: ParameterModel](
    entry: ChannelEntry[S],
) -> Callable[[Callable[[S, ConfigurationDocument], Channel]], Callable[[S, ConfigurationDocument], Channel]]:
    """Registers the factory of an entry; its first parameter is of the entry's settings."""

    def register(make: Callable[[S, ConfigurationDocument], Channel]) -> Callable[[S, ConfigurationDocument], Channel]:
        _FACTORIES[entry.name] = make
        return make

    return register


def channels(values: Mapping[str, Any], document: ConfigurationDocument) -> dict[str, Channel]:
    """The stack's channels by name; one that the document switches off carries nothing.

    `values`: of channels' settings, by field. Raises InvalidSettingError.
    """
    found = {name: entry.read(values) for name, entry in CHANNELS.items()}
    return {name: _FACTORIES[name](settings, document) for name, settings in found.items() if settings is not None}


@_factory(catalogue.SNS)
def _sns(settings: catalogue.SnsSettings, document: ConfigurationDocument) -> Channel:
    alerts = document.alerts
    if alerts.per == "IMAGE":
        return Channel()  # keep_evidence sends them
    as_rekognition = partial(rekognition_alert, bucket=settings.evidence_bucket)
    topic = SnsAlertChannel(clients.sns(), settings.alert_topic_arn)
    return Channel(alerts=AlertRoute(topic, as_rekognition if alerts.format == "REKOGNITION" else alert_of))


@_factory(catalogue.EVENTBRIDGE)
def _eventbridge(_: catalogue.EventBridgeSettings, document: ConfigurationDocument) -> Channel:
    if not document.channels.event_bridge:
        return Channel()
    return Channel(events=EventBridgeSessions(clients.events(), "default"))


@_factory(catalogue.IOT)
def _iot(settings: catalogue.IotSettings, document: ConfigurationDocument) -> Channel:
    topic = document.channels.iot_topic
    if topic is None:
        return Channel()
    sessions = IotSessions(clients.iot_data, f"kinesight/{settings.stack_name}/{topic}")
    return Channel(sessions, AlertRoute(IotAlerts(sessions)))


@_factory(catalogue.WEBHOOK)
def _webhook(settings: catalogue.WebhookSettings, document: ConfigurationDocument) -> Channel:
    return Channel(alerts=AlertRoute(_webhook_alerts(settings, document.alerts.webhook_format)))


@cache
def _webhook_alerts(settings: catalogue.WebhookSettings, form: WebhookFormat) -> WebhookAlerts:
    """Kept for the environment's life, because it remembers its secret and until when it pauses."""
    return WebhookAlerts(
        webhook_secret(clients.secrets_manager(), settings.webhook_secret_arn, monotonic_s=time.monotonic),
        partial(webhook_messages, form),
        tls=ssl.create_default_context(),
        monotonic_s=time.monotonic,
    )


if CHANNELS.keys() - _FACTORIES.keys():
    raise LookupError(f"channels without a factory: {', '.join(CHANNELS.keys() - _FACTORIES.keys())}")
