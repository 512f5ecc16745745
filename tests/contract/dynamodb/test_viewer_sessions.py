"""The viewer's sessions in DynamoDB: read by key, and no revision is overwritten that was not read."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from kinesight.adapters.dynamodb.sessions import DynamoDbSessions
from kinesight.adapters.dynamodb.viewer_sessions import DynamoDbSessionMarks, DynamoDbSessionPages
from kinesight.domain.errors import StorageBusyError
from kinesight.domain.sessions.model import BestImage, Session, Severity
from kinesight.domain.viewer.sessions import Mark, OpeningTimes, Position, StoredSession

from tests.builders import NOON_MS
from tests.contract.dynamodb.test_own_writes import LosesResponses

DAY_MS = 86_400_000
NOON_DAY = date(2026, 1, 1)
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
DAY = OpeningTimes(MIDNIGHT, MIDNIGHT + timedelta(days=1))
ANN = Mark("ann", NOON_MS)


def a_session(at_ms: int, stream: str = "front-door") -> Session:
    best = BestImage("r" * 32, at_ms, "123", "Person", 97.5, Severity.ALERT)
    identity = f"{at_ms:032x}"
    return Session(identity, stream, Severity.ALERT, at_ms, at_ms, at_ms, 1, {"Person": 97.5}, ("people",), (), best)


def stored(table: Any, *sessions: Session) -> DynamoDbSessionPages:
    store = DynamoDbSessions(table, "sessions", kept_seconds=3600, epoch_s=lambda: 1000)
    for session in sessions:
        store.put(session)
    return DynamoDbSessionPages(table, "sessions")


def marks(table: Any) -> DynamoDbSessionMarks:
    return DynamoDbSessionMarks(table, "sessions", kept_seconds=3600, epoch_s=lambda: 5000)


def times(sessions: Any) -> list[tuple[str, int]]:
    return [(one.stream_name, int(one.session_key.split("#")[0])) for one in sessions]


def found(table: Any, session: Session) -> StoredSession:
    stored = marks(table).find(session.stream_name, f"{session.opened_ms:015d}#{session.session_id}")
    assert stored is not None
    return stored


def test_a_day_of_all_cameras_newest_first_page_by_page(table: Any) -> None:
    door, yard = a_session(NOON_MS), a_session(NOON_MS + 1000, "yard")
    pages = stored(table, door, yard, a_session(NOON_MS - DAY_MS), a_session(NOON_MS + DAY_MS))

    first = pages.of_day(NOON_DAY, None, None, 1)
    last = first.sessions[0]
    second = pages.of_day(NOON_DAY, None, Position(last.stream_name, last.session_key), 5)

    assert times(first.sessions) == [("yard", NOON_MS + 1000)]
    assert (times(second.sessions), second.complete) == ([("front-door", NOON_MS)], True)
    assert second.sessions[0].document["labels"] == {"Person": 97.5}


def test_a_camera_of_all_days_and_of_one(table: Any) -> None:
    others = [a_session(NOON_MS - DAY_MS), a_session(NOON_MS + DAY_MS)]
    pages = stored(table, a_session(NOON_MS), a_session(NOON_MS, "yard"), *others)

    everything = pages.of_stream("front-door", None, None, 10)
    of_day = pages.of_stream("front-door", DAY, None, 10)

    assert [at for _, at in times(everything.sessions)] == [NOON_MS + DAY_MS, NOON_MS, NOON_MS - DAY_MS]
    assert times(of_day.sessions) == [("front-door", NOON_MS)]


@pytest.mark.parametrize("at_ms", [NOON_MS - 12 * 3_600_000, NOON_MS + 12 * 3_600_000 - 1])
def test_a_day_begins_and_ends_at_midnight_utc(table: Any, at_ms: int) -> None:
    session = a_session(at_ms)
    pages = stored(table, session, a_session(NOON_MS - 12 * 3_600_000 - 1), a_session(NOON_MS + 12 * 3_600_000))

    assert times(pages.of_stream("front-door", DAY, None, 10).sessions) == [("front-door", at_ms)]
    assert times(pages.of_day(NOON_DAY, None, None, 10).sessions) == [("front-door", at_ms)]


def test_a_range_includes_its_start_and_excludes_its_end(table: Any) -> None:
    pages = stored(table, *(a_session(NOON_MS + hour * 3_600_000) for hour in (-2, -1, 0, 1)))
    noon = MIDNIGHT + timedelta(hours=12)
    opened = OpeningTimes(noon - timedelta(hours=1), noon + timedelta(hours=1))
    expected = [("front-door", NOON_MS), ("front-door", NOON_MS - 3_600_000)]

    assert times(pages.of_stream("front-door", opened, None, 10).sessions) == expected
    assert times(pages.of_day(NOON_DAY, opened, None, 10).sessions) == expected


def test_reviewed_is_set_and_removed(table: Any) -> None:
    session = a_session(NOON_MS)
    stored(table, session)

    seen = marks(table).review(found(table, session), ANN)
    assert seen is not None
    assert (seen.reviewed, found(table, session).reviewed) == (ANN, ANN)

    taken_back = marks(table).review(seen, None)
    assert taken_back is not None
    assert taken_back.reviewed is None


def test_a_mark_that_arrives_twice_because_its_response_was_lost_is_set(table: Any) -> None:
    session = a_session(NOON_MS)
    stored(table, session)

    seen = marks(LosesResponses(table)).review(found(table, session), ANN)
    assert seen is not None
    assert (seen.reviewed, seen.revision) == (ANN, "2")
    held = marks(LosesResponses(table)).hold(seen, ANN)
    assert held is not None
    assert marks(table).review(seen, None) is None


def test_an_outdated_revision_changes_nothing(table: Any) -> None:
    session = a_session(NOON_MS)
    stored(table, session)
    old = found(table, session)
    stored(table, replace(session, images=2))

    assert marks(table).review(old, ANN) is None
    assert found(table, session).reviewed is None


def test_a_held_session_never_expires(table: Any) -> None:
    session = a_session(NOON_MS)
    stored(table, session)

    held = marks(table).hold(found(table, session), ANN)
    assert held is not None
    stored(table, replace(session, images=7))

    (item,) = table.scan(TableName="sessions")["Items"]
    assert "expires" not in item
    assert (found(table, session).held, found(table, session).document["images"]) == (ANN, 7)


def test_a_released_session_expires(table: Any) -> None:
    session = a_session(NOON_MS)
    stored(table, session)
    held = marks(table).hold(found(table, session), ANN)
    assert held is not None

    assert marks(table).hold(held, None) is not None

    (item,) = table.scan(TableName="sessions")["Items"]
    assert item["expires"]["N"] == "8600"
    assert found(table, session).held is None


def test_a_missing_session(table: Any) -> None:
    assert marks(table).find("front-door", "0#0") is None
    assert marks(table).review(StoredSession("front-door", "0#0", {}), ANN) is None
    assert table.scan(TableName="sessions")["Items"] == []


def test_a_missing_table_is_a_transient_error(table: Any) -> None:
    table.delete_table(TableName="sessions")

    with pytest.raises(StorageBusyError):
        DynamoDbSessionPages(table, "sessions").of_day(NOON_DAY, None, None, 5)
