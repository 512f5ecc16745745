"""SessionChannel on EventBridge: source `kinesight`, detail types `Session NEW`, `Session UPDATE`, `Session END`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.domain.errors import DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef


class EventBridgeSessions:
    """One event bus. EventBridge may deliver an event twice, with the same document."""

    def __init__(self, client: EventBridgeClient, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        """Calls PutEvents, whose response may reject the entry although the call succeeded."""
        entry: PutEventsRequestEntryTypeDef = {
            "EventBusName": self._bus_name,
            "Source": "kinesight",
            "DetailType": f"Session {event_type}",
            "Detail": json.dumps(document),
        }
        try:
            response = self._client.put_events(Entries=[entry])
        except AWS_ERRORS as error:
            raise translate(error, "put the event", transient=DeliveryError, permanent=DeliveryError) from error
        if response["FailedEntryCount"]:
            rejected = response["Entries"][0]
            raise DeliveryError(f"EventBridge rejected the event: {rejected.get('ErrorCode')}")
