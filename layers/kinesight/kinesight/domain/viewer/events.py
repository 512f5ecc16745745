"""The viewer's events are sessions, newest first, page by page.

They lie in one partition per camera and, by an index, in one per UTC day: without a camera, a request is led from day
to day into the past. What is filtered beyond that is read and passed over. A request reads a bounded number of pages,
so it may find less than it was asked for, or nothing; its cursor goes on from there.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from kinesight.domain.errors import InvalidInputError
from kinesight.domain.sessions.clip import SessionClip
from kinesight.domain.sessions.model import Severity

_MOST_READS = 40
_PAGE = 100
_CLOCKS_AHEAD = timedelta(days=1)
"""A camera's clock may be ahead of ours, and its events are of its own day."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Who set it, and when (epoch milliseconds)."""

    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A session as the events table has it. `document` is what session_alerts.document_of made of it; `revision`
    changes with everything that is written. `video` is told by `EventMarks.find` alone."""

    stream_name: str
    event_id: str
    document: Mapping[str, Any]
    reviewed: Mark | None = None
    held: Mark | None = None
    revision: str = ""
    video: SessionClip | None = None

    @property
    def address(self) -> str:
        """The id in an address, where `#` would end the path."""
        return self.event_id.replace("#", "-")

    def moments(self) -> dict[str, Any]:
        """When it was, and how much it matters."""
        told = {name: self.document[name] for name in ("startedAt", "lastSeenAt", "class")}
        return {"eventId": self.address, **told}


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Some events, newest first; `complete` when there are none after them."""

    events: Sequence[StoredEvent]
    complete: bool


@dataclass(frozen=True, slots=True)
class Position:
    """An event that was the last of its page."""

    stream_name: str
    event_id: str


class EventMarks(Protocol):
    """What people say of events."""

    def find(self, stream_name: str, event_id: str) -> StoredEvent | None:
        """As it is now. Raises StorageBusyError."""

    def review(self, event: StoredEvent, mark: Mark | None) -> StoredEvent | None:
        """Sets or takes the mark; None, and nothing is changed, if the event is not as it was seen. Raises
        StorageBusyError."""

    def hold(self, event: StoredEvent, mark: Mark | None) -> StoredEvent | None:
        """The same; an event that is held never expires."""


class EventPages(Protocol):
    """Reads by key alone: no request reads more than it asks for. Raises StorageBusyError."""

    def of_day(self, day: date, after: Position | None, most: int) -> StoredPage:
        """All cameras' events of a UTC day that come after a position."""

    def of_stream(self, stream_name: str, day: date | None, after: Position | None, most: int) -> StoredPage:
        """A camera's events, of one day or of all."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What is wanted; None is anything."""

    stream_name: str | None = None
    day: date | None = None
    label: str | None = None
    zone: str | None = None
    severity: Severity | None = None
    reviewed: bool | None = None

    def takes(self, event: StoredEvent) -> bool:
        """Beyond camera and day, which the reading itself sees to."""
        document = event.document
        return (
            (self.label is None or self.label in document["labels"])
            and (self.zone is None or self.zone in document["zones"])
            and (self.severity is None or document["class"] == self.severity)
            and (self.reviewed is None or (event.reviewed is not None) == self.reviewed)
        )

    @property
    def is_by_key(self) -> bool:
        """Whether all that is read is wanted."""
        return (self.label, self.zone, self.severity, self.reviewed) == (None, None, None, None)


@dataclass(frozen=True, slots=True)
class Listing:
    """`cursor` is None at the end of all events. `looked_back_to`: the day up to which everything was seen."""

    events: tuple[StoredEvent, ...]
    cursor: str | None
    looked_back_to: date


class _Cursor(BaseModel):
    day: date
    stream: str | None = None
    id: str | None = None
    filter: str


def list_events(
    wanted: EventFilter, most: int, cursor: str | None, pages: EventPages, *, now: datetime, oldest: date
) -> Listing:
    """Up to `most` events from the cursor on, up to the day `oldest`. Raises InvalidInputError, StorageBusyError."""
    walk = _Walk(wanted, most, pages, oldest, *_place(wanted, cursor, now))
    found = list(walk.events())
    return Listing(tuple(found), walk.cursor(), walk.looked_back_to)


def day_of(event_id: str) -> date:
    """The UTC day in which a session opened, which its id begins with."""
    return datetime.fromtimestamp(int(event_id.split("#")[0]) / 1000, UTC).date()


def _place(wanted: EventFilter, cursor: str | None, now: datetime) -> tuple[date, Position | None]:
    if cursor is None:
        return wanted.day or (now.astimezone(UTC) + _CLOCKS_AHEAD).date(), None
    try:
        seen = _Cursor.model_validate_json(base64.urlsafe_b64decode(cursor.encode()))
    except (ValidationError, binascii.Error, ValueError) as error:
        raise InvalidInputError("cursor: not one that this API gave; ask for the first page without it") from error
    if seen.filter != _digest(wanted):
        raise InvalidInputError("cursor: belongs to another filter; ask for the first page without it")
    return seen.day, Position(seen.stream, seen.id) if seen.stream and seen.id else None


def _digest(wanted: EventFilter) -> str:
    return hashlib.sha256(json.dumps(asdict(wanted), default=str).encode()).hexdigest()[:16]


@dataclass(slots=True)
class _Walk:
    wanted: EventFilter
    most: int
    pages: EventPages
    oldest: date
    day: date
    after: Position | None
    ended: bool = field(default=False, init=False)

    def events(self) -> Iterator[StoredEvent]:
        """What is wanted of the pages that may be read; `day` and `after` tell how far that was."""
        left = self.most
        for _ in range(_MOST_READS):
            if self.ended or left == 0:
                return
            page = self._read(left if self.wanted.is_by_key else _PAGE)
            for event in page.events:
                self.after = Position(event.stream_name, event.event_id)
                if self.wanted.takes(event):
                    yield event
                    left -= 1
                    if left == 0:
                        self.ended = page.complete and event is page.events[-1] and not self._go_back()
                        return
            if page.complete:
                self.ended = not self._go_back()

    def _read(self, most: int) -> StoredPage:
        if self.wanted.stream_name is not None:
            return self.pages.of_stream(self.wanted.stream_name, self.wanted.day, self.after, most)
        return self.pages.of_day(self.day, self.after, most)

    def _go_back(self) -> bool:
        """To the day before, if there is more than one to look at."""
        if self.wanted.stream_name is not None or self.wanted.day is not None or self.day <= self.oldest:
            return False
        self.day -= timedelta(days=1)
        self.after = None
        return True

    @property
    def looked_back_to(self) -> date:
        """A camera's events are not read day by day."""
        if self.wanted.stream_name is None:
            return self.day
        return day_of(self.after.event_id) if self.after is not None and not self.ended else self.oldest

    def cursor(self) -> str | None:
        if self.ended:
            return None
        stream, event_id = (self.after.stream_name, self.after.event_id) if self.after else (None, None)
        place = _Cursor(day=self.day, stream=stream, id=event_id, filter=_digest(self.wanted))
        return base64.urlsafe_b64encode(place.model_dump_json(exclude_none=True).encode()).decode()
