"""Settings of what leaves the stack: result records, alerts, session events, and the viewer's links. The same for all
cameras."""

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from kinesight.domain.configuration.camera import Part

_IOT_TOPIC = "[a-zA-Z0-9_.:-]+(/[a-zA-Z0-9_.:-]+){0,4}"
"""A topic has at most seven slashes ("AWS IoT Core message broker and protocol limits"): two of them are before this
part, one is after it."""


def _iot_topic(value: str) -> str:
    if not re.fullmatch(_IOT_TOPIC, value):
        raise ValueError(
            f"{value!r} must have at most five levels of letters, digits and _ . : - between slashes, without "
            "wildcards: the part of the topic between kinesight/<stack name>/ and the stream's name"
        )
    return value


IotTopic = Annotated[
    str, Field(max_length=128, json_schema_extra={"pattern": f"^{_IOT_TOPIC}$"}), AfterValidator(_iot_topic)
]


class WebhookFormat(StrEnum):
    """What is posted."""

    SLACK = "SLACK"
    TEAMS = "TEAMS"
    JSON = "JSON"


class ResultSettings(Part):
    """Result records. Live consumers apply a change when they start next, within 15 minutes."""

    format: Literal["KINESIGHT", "KIT", "REKOGNITION"] = Field(
        default="KINESIGHT",
        description="Fields that records have besides: those of AWS's Inference Template for SageMaker (`KIT`), or of "
        "Rekognition's face search ([result-record.md](result-record.md)).",
    )
    include_raw_output: bool = Field(default=False, description="Whether records carry the model output as it came.")


class AlertSettings(Part):
    """Alerts of all channels."""

    per: Literal["SESSION", "IMAGE"] = Field(
        default="SESSION",
        description="On the alert topic: one alert per session, or one per matched image. Other channels: per session.",
    )
    format: Literal["KINESIGHT", "REKOGNITION"] = Field(
        default="KINESIGHT",
        description="On the alert topic: the body; `REKOGNITION` is the notification of a label detection stream "
        "processor, per session only.",
    )
    link_seconds: int = Field(
        default=3600,
        ge=60,
        le=43_200,
        description="How long links open; never longer than the function's credentials, a few hours.",
    )
    webhook_format: WebhookFormat = Field(
        default=WebhookFormat.JSON,
        description="Slack blocks, an Adaptive Card for a Teams workflow, or the alert's own JSON.",
    )

    @model_validator(mode="after")
    def _check_format(self) -> Self:
        if self.format == "REKOGNITION" and self.per == "IMAGE":
            raise ValueError("format REKOGNITION goes with per SESSION only")
        return self


class ChannelSettings(Part):
    """Channels that need no parameter ([sessions.md](sessions.md#channels))."""

    event_bridge: bool = Field(
        default=True, description="Whether session events are sent to the account's default event bus."
    )
    iot_topic: IotTopic | None = Field(
        default=None,
        description="Session events and alerts are published to the AWS IoT Core topic `kinesight/<stack "
        "name>/<iotTopic>/<stream name>`; `null`: they are not.",
    )


class ViewerSettings(Part):
    """The viewer."""

    link_seconds: int = Field(default=900, ge=60, le=3600, description="How long links to images and videos open.")
