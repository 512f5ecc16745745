"""SessionChannel on EventBridge: source `kinesight`, detail types `Session NEW`, `Session UPDATE`, `Session END`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.domain.errors import ChannelRefusedError, DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef


_MOST_BYTES = 256 * 1024 - 1024
"""Of an event's source, type and detail ("Calculating Amazon EventBridge PutEvents event entry size")."""
_CUT = ("fragments", "labels", "zones", "rules")
"""Lists of a session that a large event leaves out, the first ones first."""


class EventBridgeSessions:
    """One event bus. EventBridge may deliver an event twice, with the same document. One that is too large lacks some
    lists, whose names are in its field `cut`."""

    def __init__(self, client: EventBridgeClient, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        """Calls PutEvents, whose response may reject the entry although the call succeeded. Raises ChannelRefusedError
        for an event that is too large without its lists."""
        entry: PutEventsRequestEntryTypeDef = {
            "EventBusName": self._bus_name,
            "Source": "kinesight",
            "DetailType": f"Session {event_type}",
            "Detail": _detail(document),
        }
        try:
            response = self._client.put_events(Entries=[entry])
        except AWS_ERRORS as error:
            raise translate(error, "put the event", transient=DeliveryError, permanent=DeliveryError) from error
        if response["FailedEntryCount"]:
            rejected = response["Entries"][0]
            raise DeliveryError(f"EventBridge rejected the event: {rejected.get('ErrorCode')}")


def _detail(document: Mapping[str, Any]) -> str:
    whole = dict(document)
    for number in range(len(_CUT) + 1):
        cut = [name for name in _CUT[:number] if name in document]
        detail = json.dumps(whole | {name: type(whole[name])() for name in cut} | ({"cut": cut} if cut else {}))
        if len(detail.encode()) <= _MOST_BYTES:
            return detail
    raise ChannelRefusedError(f"the event has {len(detail)} bytes without its lists; EventBridge accepts 256 KB")
