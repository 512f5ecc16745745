"""EventBridgeSessions over moto."""

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.messages.eventbridge_sessions import EventBridgeSessions
from kinesight.domain.errors import ChannelRefusedError, DeliveryError
from kinesight.domain.sessions.alerts import document_of

from tests.contract.sessions import SESSION


def test_an_event_names_its_type_and_session() -> None:
    client = boto3.client("events", region_name="us-east-1")
    with Stubber(client) as stubber:
        entry = {
            "EventBusName": "default",
            "Source": "kinesight",
            "DetailType": "Session NEW",
            "Detail": json.dumps(document_of(SESSION)),
        }
        stubber.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}, {"Entries": [entry]})

        EventBridgeSessions(client, "default").send("NEW", document_of(SESSION))

        stubber.assert_no_pending_responses()


def sent(document: dict[str, Any]) -> dict[str, Any]:
    """Returns the detail of the event."""
    entries: list[Any] = []

    def put_events(*, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        entries.extend(Entries)
        return {"FailedEntryCount": 0}

    client: Any = SimpleNamespace(put_events=put_events)
    EventBridgeSessions(client, "default").send("END", document)
    assert sum(len(str(entries[0][name]).encode()) for name in ("Source", "DetailType", "Detail")) < 256 * 1024
    return dict(json.loads(entries[0]["Detail"]))


def test_a_large_event_leaves_out_as_few_lists_as_necessary() -> None:
    document = document_of(SESSION)
    many = {f"label {number} {'ä' * 50}": 90.5 for number in range(1000)}

    assert sent(document) == document
    assert sent(document | {"labels": many}) == document | {
        "labels": {},
        "fragments": [],
        "cut": ["fragments", "labels"],
    }
    assert sent(document | {"fragments": ["1" * 300_000]}) == document | {"fragments": [], "cut": ["fragments"]}


def test_an_event_that_is_too_large_without_its_lists_is_refused() -> None:
    with pytest.raises(ChannelRefusedError, match="EventBridge accepts 256 KB"):
        sent(document_of(SESSION) | {"streamName": "x" * 300_000})


def test_a_refused_entry_is_an_error_although_the_call_succeeds() -> None:
    client = boto3.client("events", region_name="us-east-1")
    with Stubber(client) as stubber:
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "…"}]}
        stubber.add_response("put_events", refused)

        with pytest.raises(DeliveryError, match="EventBridge rejected the event: InternalFailure"):
            EventBridgeSessions(client, "default").send("END", {})
