"""Paging through sessions: none is omitted or repeated, and every request reads a bounded number of pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.errors import InvalidInputError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.sessions.model import Severity
from kinesight.domain.viewer.sessions import (
    Mark,
    OpeningTimes,
    Position,
    SessionFilter,
    StoredPage,
    StoredSession,
    day_of,
    list_sessions,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OLDEST = date(2026, 2, 1)


@dataclass
class FakePages:
    """Sessions in memory; counts the reads."""

    sessions: Sequence[StoredSession]
    reads: int = 0
    largest: int = field(default=100, kw_only=True)

    def of_day(self, day: date, opened: OpeningTimes | None, after: Position | None, most: int) -> StoredPage:
        return self._page([one for one in self.sessions if day_of(one.session_key) == day], opened, after, most)

    def of_stream(self, stream_name: str, opened: OpeningTimes | None, after: Position | None, most: int) -> StoredPage:
        return self._page([one for one in self.sessions if one.stream_name == stream_name], opened, after, most)

    def _page(
        self, found: list[StoredSession], opened: OpeningTimes | None, after: Position | None, most: int
    ) -> StoredPage:
        self.reads += 1
        ordered = newest_first([one for one in found if is_opened(one, opened)])
        if after is not None:
            place = (after.session_key, after.stream_name)
            ordered = [one for one in ordered if (one.session_key, one.stream_name) < place]
        size = min(most, self.largest)
        return StoredPage(ordered[:size], len(ordered) <= size)


def is_opened(session: StoredSession, times: OpeningTimes | None) -> bool:
    at = from_epoch_ms(int(session.session_key.split("#")[0]))
    return times is None or times.start <= at < times.end


def newest_first(sessions: Sequence[StoredSession]) -> list[StoredSession]:
    return sorted(sessions, key=lambda one: (one.session_key, one.stream_name), reverse=True)


def a_session(
    minutes_ago: int, number: int = 0, *, stream: str = "door", label: str = "Person", reviewed: bool = False
) -> StoredSession:
    at_ms = round((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1000)
    document = {"labels": {label: 90.0}, "zones": ["porch"] if number % 2 else [], "class": "ALERT"}
    return StoredSession(
        stream, f"{at_ms:015d}#{number:032x}", document, reviewed=Mark("ann", at_ms) if reviewed else None
    )


def all_pages(session_filter: SessionFilter, most: int, pages: FakePages) -> list[StoredSession]:
    found: list[StoredSession] = []
    cursor: str | None = None
    for _ in range(1000):
        listing = list_sessions(session_filter, most, cursor, pages, now=NOW, oldest=OLDEST)
        assert len(listing.sessions) <= most
        found += listing.sessions
        cursor = listing.cursor
        if cursor is None:
            return found
    raise AssertionError("the pages have no end")


SESSIONS = st.lists(
    st.builds(
        a_session,
        st.integers(0, 20 * 24 * 60),
        st.integers(0, 10**6),
        stream=st.sampled_from(["door", "yard"]),
        label=st.sampled_from(["Person", "Cat"]),
        reviewed=st.booleans(),
    ),
    max_size=60,
    unique_by=lambda one: (one.stream_name, one.session_key),
)
OPENING_TIMES = st.builds(
    lambda hours_ago, hours: OpeningTimes(NOW - timedelta(hours=hours_ago), NOW + timedelta(hours=hours - hours_ago)),
    st.integers(-12, 20 * 24),
    st.integers(1, 100),
)
FILTERS = st.builds(
    SessionFilter,
    stream_name=st.none() | st.sampled_from(["door", "yard"]),
    opened=st.none() | OPENING_TIMES,
    label=st.none() | st.sampled_from(["Person", "Cat", "Dog"]),
    zone=st.none() | st.just("porch"),
    severity=st.none() | st.sampled_from(list(Severity)),
    reviewed=st.none() | st.booleans(),
)


@given(SESSIONS, FILTERS, st.integers(1, 30), st.integers(1, 100))
def test_the_pages_together_are_all_matching_sessions(
    sessions: list[StoredSession], session_filter: SessionFilter, most: int, largest: int
) -> None:
    found = all_pages(session_filter, most, FakePages(sessions, largest=largest))

    kept = [
        one for one in sessions if session_filter.stream_name in (None, one.stream_name) and session_filter.matches(one)
    ]
    assert found == newest_first([one for one in kept if is_opened(one, session_filter.opened)])


def test_a_request_reads_a_bounded_number_of_pages() -> None:
    pages = FakePages([a_session(minute, minute) for minute in range(0, 20_000, 10)])

    listing = list_sessions(SessionFilter(label="Dog"), 24, None, pages, now=NOW, oldest=date(2020, 1, 1))

    assert (listing.sessions, pages.reads) == ((), 40)
    assert listing.cursor is not None
    assert listing.searched_until < NOW.date()


def test_the_last_page_has_no_cursor() -> None:
    pages = FakePages([a_session(0)])
    today = OpeningTimes(NOW, NOW + timedelta(hours=12))

    assert list_sessions(SessionFilter(opened=today), 1, None, pages, now=NOW, oldest=OLDEST).cursor is None


def test_a_day_of_another_time_zone_is_that_of_two_utc_days() -> None:
    before, first, last, after = (a_session(minutes) for minutes in (24 * 60 + 1, 24 * 60, 1, 0))
    pages = FakePages([before, first, last, after])

    listing = list_sessions(
        SessionFilter(opened=OpeningTimes(NOW - timedelta(days=1), NOW)), 5, None, pages, now=NOW, oldest=NOW.date()
    )

    assert (listing.sessions, listing.cursor, pages.reads) == ((last, first), None, 2)


WEST, EAST = timezone(-timedelta(hours=12)), timezone(timedelta(hours=14))


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (NOW, NOW, "end: is not after start"),
        (NOW, NOW - timedelta(hours=1), "end: is not after start"),
        (NOW, NOW + timedelta(days=32, milliseconds=1), "end: more than 32 days after start; request shorter ranges"),
        (datetime(1, 1, 1, tzinfo=EAST), datetime(9999, 12, 31, tzinfo=WEST), "end: more than 32 days"),
        (datetime(1, 1, 1, tzinfo=EAST), datetime(1, 1, 2, tzinfo=EAST), "not between the years 1970 and 9999"),
        (datetime(1970, 1, 1, tzinfo=EAST), datetime(1970, 1, 2, tzinfo=EAST), "not between the years 1970 and 9999"),
        (datetime(9999, 12, 30, tzinfo=WEST), datetime(9999, 12, 31, tzinfo=WEST), "not between the years"),
    ],
)
def test_times_that_cannot_be_read_are_rejected(start: datetime, end: datetime, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        OpeningTimes(start, end)


@pytest.mark.parametrize("start", [datetime(1970, 1, 1, tzinfo=UTC), NOW - timedelta(days=40, hours=-1)])
def test_the_longest_range_is_read_by_one_request(start: datetime) -> None:
    pages = FakePages([a_session(minute, minute) for minute in range(0, 40 * 24 * 60, 60)])
    longest = OpeningTimes(start, start + timedelta(days=32))

    listing = list_sessions(SessionFilter(opened=longest), 1000, None, pages, now=NOW, oldest=OLDEST)

    assert listing.sessions == tuple(newest_first([one for one in pages.sessions if is_opened(one, longest)]))
    assert (listing.cursor, listing.searched_until) == (None, start.date())
    assert pages.reads <= 40


def test_a_session_of_a_camera_with_a_clock_ahead_is_listed() -> None:
    ahead = a_session(-11 * 60)

    assert list_sessions(SessionFilter(), 5, None, FakePages([ahead]), now=NOW, oldest=OLDEST).sessions == (ahead,)


@pytest.mark.parametrize("cursor", ["", "x", "e30=", "bm90IGpzb24=", "é", "eyJkYXkiOiAxfQ=="])
def test_an_invalid_cursor_is_rejected(cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        list_sessions(SessionFilter(), 5, cursor, FakePages([]), now=NOW, oldest=OLDEST)


def test_a_cursor_belongs_to_its_filter() -> None:
    pages = FakePages([a_session(minute, minute) for minute in range(10)])
    cursor = list_sessions(SessionFilter(), 5, None, pages, now=NOW, oldest=OLDEST).cursor

    with pytest.raises(InvalidInputError, match="another filter"):
        list_sessions(SessionFilter(label="Cat"), 5, cursor, pages, now=NOW, oldest=OLDEST)
