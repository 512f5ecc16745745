"""SessionChannel and AlertChannel on AWS IoT Core: topics `<topic>/<stream name>` for devices and IoT rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import ChannelRefusedError, DeliveryError
from kinesight.domain.ports import Alert

if TYPE_CHECKING:
    from mypy_boto3_iot_data import IoTDataPlaneClient

_PERMANENT = frozenset({"InvalidRequestException", "RequestEntityTooLargeException"})
"""Topic over 256 bytes, or document over 128 KB ("AWS IoT Core message broker and protocol limits")."""


class IotSessions:
    """One topic per stream, at-least-once delivery (QoS 1), not retained."""

    def __init__(self, client: Callable[[], IoTDataPlaneClient], topic: str) -> None:
        """`client` is called at the first message, because it may call an API to find the account's endpoint."""
        self._client = client
        self._topic = topic

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        """Publishes the document with its `event`. A missing permission is transient, so messages wait for the fix."""
        topic = f"{self._topic}/{document['streamName']}"
        payload = json.dumps({"event": str(event_type), **document}).encode()
        try:
            self._client().publish(topic=topic, qos=1, payload=payload, contentType="application/json")
        except AWS_ERRORS as error:
            what = f"publish to {topic}"
            if isinstance(error, ClientError) and error_code(error) in _PERMANENT:
                raise translate(error, what, transient=DeliveryError, permanent=ChannelRefusedError) from error
            raise translate(error, what, transient=DeliveryError, permanent=DeliveryError) from error


class IotAlerts:
    """Alerts on the same topics, as event ALERT, which alone contains links."""

    def __init__(self, sessions: IotSessions) -> None:
        self._sessions = sessions

    def send(self, alert: Alert) -> None:
        """Calls Publish."""
        self._sessions.send("ALERT", alert.body)
