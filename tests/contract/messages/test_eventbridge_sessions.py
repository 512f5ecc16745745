"""EventBridgeSessions over moto."""

import json

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.messages.eventbridge_sessions import EventBridgeSessions
from kinesight.domain.errors import DeliveryError
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


def test_a_refused_entry_is_an_error_although_the_call_succeeds() -> None:
    client = boto3.client("events", region_name="us-east-1")
    with Stubber(client) as stubber:
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "…"}]}
        stubber.add_response("put_events", refused)

        with pytest.raises(DeliveryError, match="EventBridge rejected the event: InternalFailure"):
            EventBridgeSessions(client, "default").send("END", {})
