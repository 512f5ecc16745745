"""Sessions on AWS IoT Core's message broker: `<topic>/<stream name>`, for devices and rules of the IoT rules engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import ChannelRefusedError, DeliveryError
from kinesight.domain.ports import Alert

if TYPE_CHECKING:
    from mypy_boto3_iot_data import IoTDataPlaneClient

_NEVER_TAKEN = frozenset({"InvalidRequestException", "RequestEntityTooLargeException"})
"""A topic of over 256 bytes, or a document of over 128 KB ("AWS IoT Core message broker and protocol limits")."""


class IotSessions:
    """A topic for each stream, at least once (QoS 1), not retained."""

    def __init__(self, client: Callable[[], IoTDataPlaneClient], topic: str) -> None:
        """`client` is asked for at the first message, since finding the account's endpoint is a call that can fail."""
        self._client = client
        self._topic = topic

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        """One Publish of the document with its `event`. A missing permission is mended while messages wait."""
        topic = f"{self._topic}/{document['streamName']}"
        payload = json.dumps({"event": str(event_type), **document}).encode()
        try:
            self._client().publish(topic=topic, qos=1, payload=payload, contentType="application/json")
        except AWS_ERRORS as error:
            what = f"publish to {topic}"
            if isinstance(error, ClientError) and error_code(error) in _NEVER_TAKEN:
                raise translate(error, what, passing=DeliveryError, lasting=ChannelRefusedError) from error
            raise translate(error, what, passing=DeliveryError, lasting=DeliveryError) from error


class IotAlerts:
    """Alerts on the same topics, as the event ALERT, with the links that the others lack."""

    def __init__(self, sessions: IotSessions) -> None:
        self._sessions = sessions

    def send(self, alert: Alert) -> None:
        """One Publish."""
        self._sessions.send("ALERT", alert.body)
