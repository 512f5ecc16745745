"""The catalogue of channels that session events and alerts are sent to: one entry each.

To add one: its entry here, its adapter, its factory in wiring/channels.py, its parameters and permissions in
template.yaml, and `python scripts/catalogue_tables.py` for docs/sessions.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kinesight.domain.parameters import ParameterModel, RequiredText


class Carries(StrEnum):
    """What a channel is sent: events of sessions (NEW, UPDATE, END) for programs, alerts for people."""

    EVENTS = "events"
    ALERTS = "alerts"
    BOTH = "events and alerts"


@dataclass(frozen=True, slots=True)
class ChannelEntry[S: ParameterModel]:
    """A channel, which the stack has if the required fields of its settings have values, and the configuration document
    does not switch it off.

    `name` is in logs and in the ledger of alerts. `actions`: IAM actions of its calls. `documentation` is a cell of the
    table in docs/sessions.md.
    """

    name: str
    settings: type[S]
    carries: Carries
    actions: tuple[str, ...]
    documentation: str

    def read(self, values: Mapping[str, Any]) -> S | None:
        """The settings in a plain mapping, or None if the stack's parameters omit this channel.

        Raises InvalidSettingError naming every parameter that is wrong.
        """
        if self.settings.empty_fields(values):
            return None
        return self.settings.read(values)


class SnsSettings(ParameterModel):
    evidence_bucket: RequiredText
    alert_topic_arn: RequiredText


SNS = ChannelEntry(
    name="sns",
    settings=SnsSettings,
    carries=Carries.ALERTS,
    actions=("sns:Publish",),
    documentation="the alert topic, unless `alerts.per` is IMAGE; `alerts.format` says which form",
)


class EventBridgeSettings(ParameterModel):
    """None: the role may put events on the account's default bus only."""


EVENTBRIDGE = ChannelEntry(
    name="eventbridge",
    settings=EventBridgeSettings,
    carries=Carries.EVENTS,
    actions=("events:PutEvents",),
    documentation="the account's default EventBridge bus, unless `channels.eventBridge` is `false`",
)


class IotSettings(ParameterModel):
    """The stack's name is part of the topics that the role may publish to."""

    stack_name: RequiredText


IOT = ChannelEntry(
    name="iot",
    settings=IotSettings,
    carries=Carries.BOTH,
    actions=("iot:DescribeEndpoint", "iot:Publish"),
    documentation="AWS IoT Core, topic `kinesight/<stack name>/<channels.iotTopic>/<stream name>`",
)


class WebhookSettings(ParameterModel):
    webhook_secret_arn: RequiredText


WEBHOOK = ChannelEntry(
    name="webhook",
    settings=WebhookSettings,
    carries=Carries.ALERTS,
    actions=("secretsmanager:GetSecretValue",),
    documentation="a post in the form of `alerts.webhookFormat` to the address in the secret `WebhookSecretArn`",
)

CHANNELS: Mapping[str, ChannelEntry[Any]] = {one.name: one for one in (SNS, EVENTBRIDGE, IOT, WEBHOOK)}
"""By name, in the order in which they are sent to."""
