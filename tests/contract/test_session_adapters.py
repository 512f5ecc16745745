"""Sessions in DynamoDB and on EventBridge, as AWS keeps and sends them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters import aws_clients
from kinesight.adapters.session_channel_eventbridge import EventBridgeSessions
from kinesight.adapters.session_channel_iot import IotAlerts, IotSessions
from kinesight.adapters.session_store_dynamodb import DynamoDbSessions
from kinesight.domain.errors import ChannelRefusedError, DeliveryError, KinesightError, StorageBusyError
from kinesight.domain.session_alerts import alert_of, document_of
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


def iot_client() -> Any:
    return boto3.client("iot-data", region_name="us-east-1")


@pytest.fixture
def forgotten_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    aws_clients.iot_data.cache_clear()
    yield
    aws_clients.iot_data.cache_clear()


def test_iot_is_told_on_the_topic_of_the_stream() -> None:
    client = iot_client()
    with Stubber(client) as stubber:
        message = {"event": "UPDATE", **document_of(SESSION)}
        expected = {
            "topic": "home/cameras/front-door",
            "qos": 1,
            "payload": json.dumps(message).encode(),
            "contentType": "application/json",
        }
        stubber.add_response("publish", {}, expected)

        IotSessions(lambda: client, "home/cameras").send("UPDATE", document_of(SESSION))

        stubber.assert_no_pending_responses()


def test_alerts_go_there_too_with_their_links(forgotten_clients: None) -> None:
    from moto.iotdata.models import iotdata_backends

    with mock_aws():
        alert = alert_of(SESSION, lambda key: f"https://evidence/{key}")

        IotAlerts(IotSessions(iot_client, "cameras")).send(alert)

        ((topic, payload),) = iotdata_backends["123456789012"]["us-east-1"].published_payloads
    told = json.loads(payload)
    assert (topic, told["event"], told["sessionId"]) == ("cameras/front-door", "ALERT", SESSION.session_id)
    assert told["links"]["picture"].startswith("https://evidence/annotated/")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 429, DeliveryError),
        ("InternalFailureException", 500, DeliveryError),
        ("UnauthorizedException", 401, DeliveryError),
        ("InvalidRequestException", 400, ChannelRefusedError),
        ("RequestEntityTooLargeException", 413, ChannelRefusedError),
    ],
)
def test_only_what_iot_will_never_take_is_given_up(code: str, status: int, error: type[KinesightError]) -> None:
    client = iot_client()
    with Stubber(client) as stubber:
        stubber.add_client_error("publish", code, http_status_code=status)

        with pytest.raises(error, match=f"publish to cameras/front-door: {code}"):
            IotSessions(lambda: client, "cameras").send("NEW", document_of(SESSION))


def test_iot_is_reached_at_the_accounts_own_endpoint(forgotten_clients: None) -> None:
    with mock_aws():
        own = boto3.client("iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]

        client = aws_clients.iot_data()

    assert client.meta.endpoint_url.endswith(own.split(".", 1)[1])
    assert "-ats.iot.us-east-1.amazonaws.com" in client.meta.endpoint_url
    assert aws_clients.iot_data() is client


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IOT_DATA_PLANE"])
def test_a_configured_endpoint_wins(variable: str, forgotten_clients: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:4566")

    assert aws_clients.iot_data().meta.endpoint_url == "http://127.0.0.1:4566"


def test_an_endpoint_that_cannot_be_found_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("iot", region_name="us-east-1")

    def find() -> Any:
        return client.describe_endpoint(endpointType="iot:Data-ATS")

    with Stubber(client) as stubber:
        stubber.add_client_error("describe_endpoint", "UnauthorizedException", http_status_code=401)

        with pytest.raises(DeliveryError, match="UnauthorizedException"):
            IotSessions(find, "cameras").send("NEW", document_of(SESSION))
