"""Sessions in DynamoDB and on EventBridge, as AWS keeps and sends them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.dynamodb.sessions import DynamoDbSessionClips, DynamoDbSessions
from kinesight.adapters.messages.eventbridge_sessions import EventBridgeSessions
from kinesight.adapters.messages.iot_sessions import IotAlerts, IotSessions
from kinesight.domain.errors import ChannelRefusedError, DeliveryError, KinesightError, StorageBusyError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.sessions.alerts import alert_of, document_of
from kinesight.domain.sessions.archive_session import MOST_FRAGMENTS
from kinesight.domain.sessions.clip import ClipFragment, MissingPart, SessionClip, SessionRef
from kinesight.domain.sessions.model import BestImage, Session, Severity
from moto import mock_aws

from tests.builders import NOON_MS, a_fragment_number

BEST = BestImage("r" * 32, NOON_MS, "123", "Person", 97.5, Severity.ALERT)
SESSION = Session(
    "s" * 32, "front-door", Severity.ALERT, NOON_MS, NOON_MS, NOON_MS, 1, {"Person": 97.5}, ("default",), (), BEST
)

REF = SessionRef(SESSION.stream_name, SESSION.opened_ms, SESSION.session_id)
VIDEO = SessionClip(
    pictures=1,
    selector="PRODUCER_TIMESTAMP",
    started_at=from_epoch_ms(NOON_MS - 5000),
    ended_at=from_epoch_ms(NOON_MS + 5000),
    complete=True,
    fragments=(
        ClipFragment(number="123", date="unknown"),
        ClipFragment(number="124", date="2026-01-01", started_at=from_epoch_ms(NOON_MS), length_ms=2000),
    ),
    missing=(
        MissingPart(reason="EXPIRED", started_at=from_epoch_ms(NOON_MS - 5000), ended_at=from_epoch_ms(NOON_MS)),
        MissingPart(reason="4000 Fragment not found", fragments=("122",)),
    ),
)


def test_a_session_is_one_item_however_often_it_changes(table: Any) -> None:
    store = DynamoDbSessions(table, "events", kept_seconds=3600, epoch_s=lambda: 1000.4)

    store.put(SESSION)
    earlier = replace(SESSION, started_ms=NOON_MS - 5000, pictures=2, closed=True)
    store.put(earlier)

    (item,) = table.scan(TableName="events")["Items"]
    assert item["id"]["S"] == f"{NOON_MS:015d}#{'s' * 32}"
    assert (item["closed"]["BOOL"], item["class"]["S"], item["expires"]["N"]) == (True, "ALERT", "4600")
    assert json.loads(item["document"]["S"]) == document_of(earlier)


def test_an_older_state_that_comes_late_undoes_nothing(table: Any) -> None:
    store = DynamoDbSessions(table, "events", kept_seconds=3600, epoch_s=lambda: 1000)
    older, ended = replace(SESSION, pictures=60), replace(SESSION, pictures=64, closed=True)
    going_on = replace(SESSION, pictures=65)

    def stored_after(*states: Session) -> dict[str, Any]:
        for one in states:
            store.put(one)
        (item,) = table.scan(TableName="events")["Items"]
        document: dict[str, Any] = json.loads(item["document"]["S"])
        assert item["closed"]["BOOL"] == document["closed"]
        return document

    assert stored_after(older, ended, older) == document_of(ended)
    assert stored_after(replace(ended, closed=False)) == document_of(ended)
    assert stored_after(going_on) == document_of(going_on)
    assert stored_after(replace(going_on, closed=True)) == document_of(replace(going_on, closed=True))


def test_session_and_video_do_not_overwrite_each_other(table: Any) -> None:
    sessions = DynamoDbSessions(table, "events", kept_seconds=3600, epoch_s=lambda: 1000)
    videos = DynamoDbSessionClips(table, "events")
    sessions.put(SESSION)
    assert videos.load(REF) is None

    assert videos.save(REF, VIDEO)
    late = replace(SESSION, pictures=2, closed=True)
    sessions.put(late)

    assert videos.load(REF) == VIDEO
    (item,) = table.scan(TableName="events")["Items"]
    assert (json.loads(item["document"]["S"]), item["expires"]["N"]) == (document_of(late), "4600")
    assert json.loads(item["video"]["S"])["fragments"][1] == {
        "number": "124",
        "date": "2026-01-01",
        "startedAt": "2026-01-01T12:00:00.000Z",
        "lengthMs": 2000,
    }


def test_the_video_of_more_pictures_stays(table: Any) -> None:
    DynamoDbSessions(table, "events", kept_seconds=3600, epoch_s=lambda: 1000).put(SESSION)
    videos = DynamoDbSessionClips(table, "events")
    longer = VIDEO.model_copy(update={"pictures": 10, "complete": False})

    assert [videos.save(REF, one) for one in (VIDEO, longer, VIDEO)] == [True, True, False]
    assert videos.load(REF) == longer
    assert videos.save(REF, longer.model_copy(update={"complete": True}))


def test_a_session_that_was_deleted_gets_no_video(table: Any) -> None:
    assert not DynamoDbSessionClips(table, "events").save(REF, VIDEO)
    assert table.scan(TableName="events")["Items"] == []


def test_the_longest_video_fits_beside_its_session(table: Any) -> None:
    well_filled = replace(SESSION, fragments=tuple(a_fragment_number(n) for n in range(50)), closed=True)
    DynamoDbSessions(table, "events", kept_seconds=3600, epoch_s=lambda: 1000).put(well_filled)
    fragments = [
        ClipFragment(
            number=a_fragment_number(n), date="2026-01-01", started_at=from_epoch_ms(NOON_MS + n), length_ms=20_000
        )
        for n in range(MOST_FRAGMENTS)
    ]

    assert DynamoDbSessionClips(table, "events").save(REF, VIDEO.model_copy(update={"fragments": tuple(fragments)}))


@pytest.mark.parametrize("operation", ["get_item", "update_item"])
def test_a_store_of_videos_that_fails_says_so(operation: str) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    videos = DynamoDbSessionClips(client, "events")
    with Stubber(client) as stubber:
        stubber.add_client_error(operation, "ProvisionedThroughputExceededException", http_status_code=400)

        with pytest.raises(StorageBusyError, match="events table: ProvisionedThroughputExceededException"):
            videos.load(REF) if operation == "get_item" else videos.save(REF, VIDEO)


def test_a_store_that_fails_says_so() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    store = DynamoDbSessions(client, "events", kept_seconds=3600, epoch_s=lambda: 0)
    with Stubber(client) as stubber:
        stubber.add_client_error("update_item", "ProvisionedThroughputExceededException", http_status_code=400)

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

        with pytest.raises(DeliveryError, match="EventBridge rejected the event: InternalFailure"):
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
