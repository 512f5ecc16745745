"""Sessions in DynamoDB and on EventBridge, as AWS keeps and sends them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.session_channel_eventbridge import EventBridgeSessions, NoSessionEvents
from kinesight.adapters.session_store_dynamodb import DynamoDbSessions, DynamoDbSessionVideos
from kinesight.domain.archive_session import MOST_FRAGMENTS
from kinesight.domain.errors import DeliveryError, StorageBusyError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.session_alerts import document_of
from kinesight.domain.session_videos import MissingVideo, SessionRef, SessionVideo, VideoFragment
from kinesight.domain.sessions import BestPicture, Session, Severity
from moto import mock_aws

from tests.builders import NOON_MS, a_fragment_number

BEST = BestPicture("r" * 32, NOON_MS, "123", "Person", 97.5, Severity.ALERT)
SESSION = Session(
    "s" * 32, "front-door", Severity.ALERT, NOON_MS, NOON_MS, NOON_MS, 1, {"Person": 97.5}, ("default",), (), BEST
)

REF = SessionRef(SESSION.stream_name, SESSION.opened_ms, SESSION.session_id)
VIDEO = SessionVideo(
    pictures=1,
    selector="PRODUCER_TIMESTAMP",
    started_at=from_epoch_ms(NOON_MS - 5000),
    ended_at=from_epoch_ms(NOON_MS + 5000),
    complete=True,
    fragments=(
        VideoFragment(number="123", date="unknown"),
        VideoFragment(number="124", date="2026-01-01", started_at=from_epoch_ms(NOON_MS), length_ms=2000),
    ),
    missing=(
        MissingVideo(reason="EXPIRED", started_at=from_epoch_ms(NOON_MS - 5000), ended_at=from_epoch_ms(NOON_MS)),
        MissingVideo(reason="4000 Fragment not found", fragments=("122",)),
    ),
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


def test_session_and_video_do_not_overwrite_each_other(table: Any) -> None:
    sessions = DynamoDbSessions(table, "events", kept_seconds=3600, epoch_s=lambda: 1000)
    videos = DynamoDbSessionVideos(table, "events")
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
    videos = DynamoDbSessionVideos(table, "events")
    longer = VIDEO.model_copy(update={"pictures": 10, "complete": False})

    assert [videos.save(REF, one) for one in (VIDEO, longer, VIDEO)] == [True, True, False]
    assert videos.load(REF) == longer
    assert videos.save(REF, longer.model_copy(update={"complete": True}))


def test_a_session_that_was_deleted_gets_no_video(table: Any) -> None:
    assert not DynamoDbSessionVideos(table, "events").save(REF, VIDEO)
    assert table.scan(TableName="events")["Items"] == []


def test_the_longest_video_fits_beside_its_session(table: Any) -> None:
    well_filled = replace(SESSION, fragments=tuple(a_fragment_number(n) for n in range(50)), closed=True)
    DynamoDbSessions(table, "events", kept_seconds=3600, epoch_s=lambda: 1000).put(well_filled)
    fragments = [
        VideoFragment(
            number=a_fragment_number(n), date="2026-01-01", started_at=from_epoch_ms(NOON_MS + n), length_ms=20_000
        )
        for n in range(MOST_FRAGMENTS)
    ]

    assert DynamoDbSessionVideos(table, "events").save(REF, VIDEO.model_copy(update={"fragments": tuple(fragments)}))


@pytest.mark.parametrize("operation", ["get_item", "update_item"])
def test_a_store_of_videos_that_fails_says_so(operation: str) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    videos = DynamoDbSessionVideos(client, "events")
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

        with pytest.raises(DeliveryError, match="EventBridge refused the event: InternalFailure"):
            EventBridgeSessions(client, "default").send("END", {})


def test_where_no_bus_is_wanted_nothing_is_sent() -> None:
    NoSessionEvents().send("NEW", document_of(SESSION))
