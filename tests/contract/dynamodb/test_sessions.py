"""DynamoDbSessions and DynamoDbSessionClips over moto."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.dynamodb.sessions import DynamoDbSessionClips, DynamoDbSessions
from kinesight.domain.errors import StorageBusyError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.sessions.alerts import document_of
from kinesight.domain.sessions.archive_session import MOST_FRAGMENTS
from kinesight.domain.sessions.clip import ClipFragment
from kinesight.domain.sessions.model import Session

from tests.builders import NOON_MS, a_fragment_number
from tests.contract.sessions import REF, SESSION, VIDEO


def test_a_session_is_one_item_however_often_it_changes(table: Any) -> None:
    store = DynamoDbSessions(table, "sessions", kept_seconds=3600, epoch_s=lambda: 1000.4)

    store.put(SESSION)
    earlier = replace(SESSION, started_ms=NOON_MS - 5000, images=2, closed=True)
    store.put(earlier)

    (item,) = table.scan(TableName="sessions")["Items"]
    assert item["id"]["S"] == f"{NOON_MS:015d}#{'s' * 32}"
    assert (item["closed"]["BOOL"], item["class"]["S"], item["expires"]["N"]) == (True, "ALERT", "4600")
    assert json.loads(item["document"]["S"]) == document_of(earlier)


def test_a_late_older_state_changes_nothing(table: Any) -> None:
    store = DynamoDbSessions(table, "sessions", kept_seconds=3600, epoch_s=lambda: 1000)
    older, ended = replace(SESSION, images=60), replace(SESSION, images=64, closed=True)
    going_on = replace(SESSION, images=65)

    def stored_after(*states: Session) -> dict[str, Any]:
        for one in states:
            store.put(one)
        (item,) = table.scan(TableName="sessions")["Items"]
        document: dict[str, Any] = json.loads(item["document"]["S"])
        assert item["closed"]["BOOL"] == document["closed"]
        return document

    assert stored_after(older, ended, older) == document_of(ended)
    assert stored_after(replace(ended, closed=False)) == document_of(ended)
    assert stored_after(going_on) == document_of(going_on)
    assert stored_after(replace(going_on, closed=True)) == document_of(replace(going_on, closed=True))


def test_session_and_video_do_not_overwrite_each_other(table: Any) -> None:
    sessions = DynamoDbSessions(table, "sessions", kept_seconds=3600, epoch_s=lambda: 1000)
    videos = DynamoDbSessionClips(table, "sessions")
    sessions.put(SESSION)
    assert videos.load(REF) is None

    assert videos.save(REF, VIDEO)
    late = replace(SESSION, images=2, closed=True)
    sessions.put(late)

    assert videos.load(REF) == VIDEO
    (item,) = table.scan(TableName="sessions")["Items"]
    assert (json.loads(item["document"]["S"]), item["expires"]["N"]) == (document_of(late), "4600")
    assert json.loads(item["video"]["S"])["fragments"][1] == {
        "number": "124",
        "date": "2026-01-01",
        "startedAt": "2026-01-01T12:00:00.000Z",
        "lengthMs": 2000,
    }


def test_the_video_of_more_images_stays(table: Any) -> None:
    DynamoDbSessions(table, "sessions", kept_seconds=3600, epoch_s=lambda: 1000).put(SESSION)
    videos = DynamoDbSessionClips(table, "sessions")
    longer = VIDEO.model_copy(update={"images": 10, "complete": False})

    assert [videos.save(REF, one) for one in (VIDEO, longer, VIDEO)] == [True, True, False]
    assert videos.load(REF) == longer
    assert videos.save(REF, longer.model_copy(update={"complete": True}))


def test_a_session_that_was_deleted_gets_no_video(table: Any) -> None:
    assert not DynamoDbSessionClips(table, "sessions").save(REF, VIDEO)
    assert table.scan(TableName="sessions")["Items"] == []


def test_the_longest_video_fits_into_the_item_of_its_session(table: Any) -> None:
    well_filled = replace(SESSION, fragments=tuple(a_fragment_number(n) for n in range(50)), closed=True)
    DynamoDbSessions(table, "sessions", kept_seconds=3600, epoch_s=lambda: 1000).put(well_filled)
    fragments = [
        ClipFragment(
            number=a_fragment_number(n), date="2026-01-01", started_at=from_epoch_ms(NOON_MS + n), length_ms=20_000
        )
        for n in range(MOST_FRAGMENTS)
    ]

    assert DynamoDbSessionClips(table, "sessions").save(REF, VIDEO.model_copy(update={"fragments": tuple(fragments)}))


@pytest.mark.parametrize("operation", ["get_item", "update_item"])
def test_errors_of_the_video_store_are_busy_errors(operation: str) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    videos = DynamoDbSessionClips(client, "sessions")
    with Stubber(client) as stubber:
        stubber.add_client_error(operation, "ProvisionedThroughputExceededException", http_status_code=400)

        with pytest.raises(StorageBusyError, match="sessions table: ProvisionedThroughputExceededException"):
            videos.load(REF) if operation == "get_item" else videos.save(REF, VIDEO)


def test_errors_of_the_session_store_are_busy_errors() -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    store = DynamoDbSessions(client, "sessions", kept_seconds=3600, epoch_s=lambda: 0)
    with Stubber(client) as stubber:
        stubber.add_client_error("update_item", "ProvisionedThroughputExceededException", http_status_code=400)

        with pytest.raises(StorageBusyError, match="sessions table: ProvisionedThroughputExceededException"):
            store.put(SESSION)
