"""Paging through events: nothing is passed over, nothing comes twice, and no request reads without end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.errors import InvalidInputError
from kinesight.domain.sessions.model import Severity
from kinesight.domain.viewer.events import (
    EventFilter,
    Mark,
    Position,
    StoredEvent,
    StoredPage,
    day_of,
    list_events,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OLDEST = date(2026, 2, 1)


@dataclass
class FakePages:
    """Events in memory; counts how often it is asked."""

    events: Sequence[StoredEvent]
    asked: int = 0
    largest: int = field(default=100, kw_only=True)

    def of_day(self, day: date, after: Position | None, most: int) -> StoredPage:
        return self._page([one for one in self.events if day_of(one.event_id) == day], after, most)

    def of_stream(self, stream_name: str, day: date | None, after: Position | None, most: int) -> StoredPage:
        found = [one for one in self.events if one.stream_name == stream_name]
        return self._page([one for one in found if day is None or day_of(one.event_id) == day], after, most)

    def _page(self, found: list[StoredEvent], after: Position | None, most: int) -> StoredPage:
        self.asked += 1
        ordered = newest_first(found)
        if after is not None:
            place = (after.event_id, after.stream_name)
            ordered = [one for one in ordered if (one.event_id, one.stream_name) < place]
        size = min(most, self.largest)
        return StoredPage(ordered[:size], len(ordered) <= size)


def newest_first(events: Sequence[StoredEvent]) -> list[StoredEvent]:
    return sorted(events, key=lambda one: (one.event_id, one.stream_name), reverse=True)


def an_event(
    minutes_ago: int, number: int = 0, *, stream: str = "door", label: str = "Person", reviewed: bool = False
) -> StoredEvent:
    at_ms = round((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1000)
    document = {"labels": {label: 90.0}, "zones": ["porch"] if number % 2 else [], "class": "ALERT"}
    return StoredEvent(
        stream, f"{at_ms:015d}#{number:032x}", document, reviewed=Mark("ann", at_ms) if reviewed else None
    )


def all_pages(wanted: EventFilter, most: int, pages: FakePages) -> list[StoredEvent]:
    found: list[StoredEvent] = []
    cursor: str | None = None
    for _ in range(1000):
        listing = list_events(wanted, most, cursor, pages, now=NOW, oldest=OLDEST)
        assert len(listing.events) <= most
        found += listing.events
        cursor = listing.cursor
        if cursor is None:
            return found
    raise AssertionError("the pages have no end")


EVENTS = st.lists(
    st.builds(
        an_event,
        st.integers(0, 20 * 24 * 60),
        st.integers(0, 10**6),
        stream=st.sampled_from(["door", "yard"]),
        label=st.sampled_from(["Person", "Cat"]),
        reviewed=st.booleans(),
    ),
    max_size=60,
    unique_by=lambda one: (one.stream_name, one.event_id),
)
FILTERS = st.builds(
    EventFilter,
    stream_name=st.none() | st.sampled_from(["door", "yard"]),
    day=st.none() | st.dates(date(2026, 2, 20), date(2026, 3, 11)),
    label=st.none() | st.sampled_from(["Person", "Cat", "Dog"]),
    zone=st.none() | st.just("porch"),
    severity=st.none() | st.sampled_from(list(Severity)),
    reviewed=st.none() | st.booleans(),
)


@given(EVENTS, FILTERS, st.integers(1, 30), st.integers(1, 100))
def test_the_pages_together_are_everything_that_is_wanted(
    events: list[StoredEvent], wanted: EventFilter, most: int, largest: int
) -> None:
    found = all_pages(wanted, most, FakePages(events, largest=largest))

    kept = [one for one in events if wanted.stream_name in (None, one.stream_name) and wanted.takes(one)]
    assert found == newest_first([one for one in kept if wanted.day in (None, day_of(one.event_id))])


def test_a_request_reads_a_bounded_number_of_pages() -> None:
    pages = FakePages([an_event(minute, minute) for minute in range(0, 20_000, 10)])

    listing = list_events(EventFilter(label="Dog"), 24, None, pages, now=NOW, oldest=date(2020, 1, 1))

    assert (listing.events, pages.asked) == ((), 40)
    assert listing.cursor is not None
    assert listing.looked_back_to < NOW.date()


def test_the_end_is_told() -> None:
    pages = FakePages([an_event(0)])

    assert list_events(EventFilter(day=NOW.date()), 1, None, pages, now=NOW, oldest=OLDEST).cursor is None


def test_a_camera_whose_clock_is_ahead_is_seen() -> None:
    ahead = an_event(-11 * 60)

    assert list_events(EventFilter(), 5, None, FakePages([ahead]), now=NOW, oldest=OLDEST).events == (ahead,)


@pytest.mark.parametrize("cursor", ["", "x", "e30=", "bm90IGpzb24=", "é", "eyJkYXkiOiAxfQ=="])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        list_events(EventFilter(), 5, cursor, FakePages([]), now=NOW, oldest=OLDEST)


def test_a_cursor_belongs_to_its_filter() -> None:
    pages = FakePages([an_event(minute, minute) for minute in range(10)])
    cursor = list_events(EventFilter(), 5, None, pages, now=NOW, oldest=OLDEST).cursor

    with pytest.raises(InvalidInputError, match="another filter"):
        list_events(EventFilter(label="Cat"), 5, cursor, pages, now=NOW, oldest=OLDEST)
