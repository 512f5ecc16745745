"""Paging through sessions: none is omitted or repeated, and every request reads a bounded number of pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.errors import InvalidInputError
from kinesight.domain.sessions.model import Severity
from kinesight.domain.viewer.sessions import (
    Mark,
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

    def of_day(self, day: date, after: Position | None, most: int) -> StoredPage:
        return self._page([one for one in self.sessions if day_of(one.session_key) == day], after, most)

    def of_stream(self, stream_name: str, day: date | None, after: Position | None, most: int) -> StoredPage:
        found = [one for one in self.sessions if one.stream_name == stream_name]
        return self._page([one for one in found if day is None or day_of(one.session_key) == day], after, most)

    def _page(self, found: list[StoredSession], after: Position | None, most: int) -> StoredPage:
        self.reads += 1
        ordered = newest_first(found)
        if after is not None:
            place = (after.session_key, after.stream_name)
            ordered = [one for one in ordered if (one.session_key, one.stream_name) < place]
        size = min(most, self.largest)
        return StoredPage(ordered[:size], len(ordered) <= size)


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
FILTERS = st.builds(
    SessionFilter,
    stream_name=st.none() | st.sampled_from(["door", "yard"]),
    day=st.none() | st.dates(date(2026, 2, 20), date(2026, 3, 11)),
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
    assert found == newest_first([one for one in kept if session_filter.day in (None, day_of(one.session_key))])


def test_a_request_reads_a_bounded_number_of_pages() -> None:
    pages = FakePages([a_session(minute, minute) for minute in range(0, 20_000, 10)])

    listing = list_sessions(SessionFilter(label="Dog"), 24, None, pages, now=NOW, oldest=date(2020, 1, 1))

    assert (listing.sessions, pages.reads) == ((), 40)
    assert listing.cursor is not None
    assert listing.searched_until < NOW.date()


def test_the_last_page_has_no_cursor() -> None:
    pages = FakePages([a_session(0)])

    assert list_sessions(SessionFilter(day=NOW.date()), 1, None, pages, now=NOW, oldest=OLDEST).cursor is None


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
