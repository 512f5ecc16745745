"""Sessions in DynamoDB and on EventBridge, as AWS keeps and sends them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.session_channel_eventbridge import EventBridgeSessions, NoSessionEvents
from kinesight.adapters.session_store_dynamodb import DynamoDbSessions
from kinesight.domain.errors import DeliveryError, StorageBusyError
from kinesight.domain.session_alerts import document_of
from kinesight.domain.sessions import BestPicture, Session, Severity
from moto import mock_aws

from tests.builders import NOON_MS

BEST = BestPicture("r" * 32, NOON_MS, "123", "Person", 97.5, Severity.ALERT)
SESSION = Session(
    "s" * 32, "front-door", Severity.ALERT, NOON_MS, NOON_MS, NOON_MS, 1, {"Person": 97.5}, ("default",), (), BEST
)


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="events",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("stream", "id")],
            KeySchema=[{"AttributeName": "stream", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        )
        yield client


def test_a_session_is_one_item_however_often_it_changes(table: Any) -> None:
    store = DynamoDbSessions(table, "events", kept_seconds=3600, epoch_s=lambda: 1000.4)

    store.put(SESSION)
    earlier = replace(SESSION, started_ms=NOON_MS - 5000, pictures=2, closed=True)
    store.put(earlier)

    (item,) = table.scan(TableName="events")["Items"]
    assert item["id"]["S"] == f"{NOON_MS:015d}#{'s' * 32}"
    assert (item["closed"]["BOOL"], item["class"]["S"], item["expires"]["N"]) == (True, "ALERT", "4600")
    assert json.loads(item["document"]["S"]) == document_of(earlier)


def test_a_store_that_fails_says_so() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    store = DynamoDbSessions(client, "events", kept_seconds=3600, epoch_s=lambda: 0)
    with Stubber(client) as stubber:
        stubber.add_client_error("put_item", "ProvisionedThroughputExceededException", http_status_code=400)

        with pytest.raises(StorageBusyError, match="events table: ProvisionedThroughputExceededException"):
            store.put(SESSION)


def test_an_event_says_what_happened() -> None:
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

        with pytest.raises(DeliveryError, match="EventBridge refused the event: InternalFailure"):
            EventBridgeSessions(client, "default").send("END", {})


def test_where_no_bus_is_wanted_nothing_is_sent() -> None:
    NoSessionEvents().send("NEW", document_of(SESSION))
