"""Lists of stored sessions, newest first, page by page.

The table has one partition per camera and an index with one partition per UTC day. Without a camera, a request reads
day after day into the past. Other filters are applied to what has been read. A request reads a bounded number of pages,
so it may return fewer sessions than requested, or none; its cursor continues from there.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from kinesight.domain.errors import InvalidInputError
from kinesight.domain.sessions.clip import SessionClip
from kinesight.domain.sessions.model import Severity

_MOST_READS = 40
_PAGE = 100
_LARGEST_PAGE = 250
_MOST_CLOCK_AHEAD = timedelta(days=1)
"""A camera's clock may be ahead of this one; its sessions are stored under the camera's day."""
_LONGEST_RANGE = timedelta(days=32)
"""A month with an hour more. A request reads at most 33 UTC days of it, which leaves reads for further pages."""
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""Times that session keys can have, in every time zone."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The user who set a mark, and when, in epoch milliseconds."""

    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as the sessions table has it.

    `session_key` is the sort key, `openedMs#sessionId`. `document` is the result of `sessions.alerts.document_of`.
    `revision` changes with every write. Only `SessionMarks.find` returns `video`.
    """

    stream_name: str
    session_key: str
    document: Mapping[str, Any]
    reviewed: Mark | None = None
    held: Mark | None = None
    revision: str = ""
    video: SessionClip | None = None

    @property
    def url_key(self) -> str:
        """The session key for URLs, in which `#` would end the path."""
        return self.session_key.replace("#", "-")

    def times(self) -> dict[str, Any]:
        """Returns the key, times and class of the session, for the API."""
        values = {name: self.document[name] for name in ("startedAt", "lastSeenAt", "class")}
        return {"sessionKey": self.url_key, **values}


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Sessions, newest first; `complete` if there are none after them."""

    sessions: Sequence[StoredSession]
    complete: bool


@dataclass(frozen=True, slots=True)
class Position:
    """The last session of a page."""

    stream_name: str
    session_key: str


class SessionMarks(Protocol):
    """Marks that users set on sessions."""

    def find(self, stream_name: str, session_key: str) -> StoredSession | None:
        """Returns the current state of a session, None if there is no such session. Raises StorageBusyError."""

    def review(self, session: StoredSession, mark: Mark | None) -> StoredSession | None:
        """Sets or removes the mark; returns None and writes nothing if the session has another revision. Raises
        StorageBusyError."""

    def hold(self, session: StoredSession, mark: Mark | None) -> StoredSession | None:
        """Sets or removes the legal hold, like `review`; a held session never expires."""


@dataclass(frozen=True, slots=True)
class OpeningTimes:
    """Range of the times at which sessions opened, such as a day of the user's time zone: `start` is included, `end` is
    not. Raises InvalidInputError if it is empty, longer than 32 days or not between the years 1970 and 9999."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Checks what a request reads: one partition for each UTC day."""
        if self.end <= self.start:
            raise InvalidInputError("end: is not after start")
        if self.end - self.start > _LONGEST_RANGE:
            raise InvalidInputError(f"end: more than {_LONGEST_RANGE.days} days after start; request shorter ranges")
        if self.start < _EARLIEST or self.end > _LATEST:
            raise InvalidInputError("start, end: not between the years 1970 and 9999")

    @property
    def first_day(self) -> date:
        """The UTC day of the start."""
        return self.start.astimezone(UTC).date()

    @property
    def last_day(self) -> date:
        """The UTC day of the last moment."""
        return (self.end - timedelta(milliseconds=1)).astimezone(UTC).date()


class SessionPages(Protocol):
    """Queries by key; no request reads more items than requested. Raises StorageBusyError."""

    def of_day(self, day: date, opened: OpeningTimes | None, after: Position | None, most: int) -> StoredPage:
        """Returns the sessions of all cameras on a UTC day that follow a position, of a range or of the whole day."""

    def of_stream(self, stream_name: str, opened: OpeningTimes | None, after: Position | None, most: int) -> StoredPage:
        """Returns the sessions of a camera that follow a position, of a range or of all times."""


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Filters of a list; None does not filter."""

    stream_name: str | None = None
    opened: OpeningTimes | None = None
    label: str | None = None
    zone: str | None = None
    severity: Severity | None = None
    reviewed: bool | None = None

    def matches(self, session: StoredSession) -> bool:
        """Whether a session matches the filters other than camera and times, which select what is read."""
        document = session.document
        return (
            (self.label is None or self.label in document["labels"])
            and (self.zone is None or self.zone in document["zones"])
            and (self.severity is None or document["class"] == self.severity)
            and (self.reviewed is None or (session.reviewed is not None) == self.reviewed)
        )

    @property
    def is_by_key(self) -> bool:
        """Whether every session that is read matches."""
        return (self.label, self.zone, self.severity, self.reviewed) == (None, None, None, None)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list. `cursor` is None at the end of all sessions; `searched_until` is the earliest day that has
    been read."""

    sessions: tuple[StoredSession, ...]
    cursor: str | None
    searched_until: date


class _Cursor(BaseModel):
    model_config = ConfigDict(defer_build=True)

    day: date
    stream: str | None = None
    id: str | None = None
    filter: str


def list_sessions(
    session_filter: SessionFilter, most: int, cursor: str | None, pages: SessionPages, *, now: datetime, oldest: date
) -> Listing:
    """Returns up to `most` sessions after the cursor, back to the day `oldest` if the filter has no start. Raises
    InvalidInputError, StorageBusyError."""
    if session_filter.opened is not None:
        oldest = session_filter.opened.first_day
    reader = _ListReader(session_filter, most, pages, oldest, *_start(session_filter, cursor, now))
    found = list(reader.sessions())
    return Listing(tuple(found), reader.cursor(), reader.searched_until)


def day_of(session_key: str) -> date:
    """Returns the UTC day on which a session opened: its key starts with that time."""
    return datetime.fromtimestamp(int(session_key.split("#")[0]) / 1000, UTC).date()


def _start(session_filter: SessionFilter, cursor: str | None, now: datetime) -> tuple[date, Position | None]:
    if cursor is None:
        opened = session_filter.opened
        return opened.last_day if opened is not None else (now.astimezone(UTC) + _MOST_CLOCK_AHEAD).date(), None
    try:
        read = _Cursor.model_validate_json(base64.urlsafe_b64decode(cursor.encode()))
    except (ValidationError, binascii.Error, ValueError) as error:
        raise InvalidInputError("cursor: not a cursor of this API; request the first page without a cursor") from error
    if read.filter != _digest(session_filter):
        raise InvalidInputError("cursor: belongs to another filter; request the first page without a cursor")
    return read.day, Position(read.stream, read.id) if read.stream and read.id else None


def _digest(session_filter: SessionFilter) -> str:
    return hashlib.sha256(json.dumps(asdict(session_filter), default=str).encode()).hexdigest()[:16]


@dataclass(slots=True)
class _ListReader:
    session_filter: SessionFilter
    most: int
    pages: SessionPages
    oldest: date
    day: date
    after: Position | None
    ended: bool = field(default=False, init=False)

    def sessions(self) -> Iterator[StoredSession]:
        """Yields matching sessions; `day` and `after` are the position reached."""
        left = self.most
        for _ in range(_MOST_READS):
            if self.ended or left == 0:
                return
            page = self._read(min(left, _LARGEST_PAGE) if self.session_filter.is_by_key else _PAGE)
            for session in page.sessions:
                self.after = Position(session.stream_name, session.session_key)
                if self.session_filter.matches(session):
                    yield session
                    left -= 1
                    if left == 0:
                        self.ended = page.complete and session is page.sessions[-1] and not self._go_back()
                        return
            if page.complete:
                self.ended = not self._go_back()

    def _read(self, most: int) -> StoredPage:
        if self.session_filter.stream_name is not None:
            return self.pages.of_stream(self.session_filter.stream_name, self.session_filter.opened, self.after, most)
        return self.pages.of_day(self.day, self.session_filter.opened, self.after, most)

    def _go_back(self) -> bool:
        """Continues with the day before; returns False if one camera is read or the oldest day is reached."""
        if self.session_filter.stream_name is not None or self.day <= self.oldest:
            return False
        self.day -= timedelta(days=1)
        self.after = None
        return True

    @property
    def searched_until(self) -> date:
        """The earliest day that has been read. Sessions of one camera are not read day by day."""
        if self.session_filter.stream_name is None:
            return self.day
        return day_of(self.after.session_key) if self.after is not None and not self.ended else self.oldest

    def cursor(self) -> str | None:
        if self.ended:
            return None
        stream, session_key = (self.after.stream_name, self.after.session_key) if self.after else (None, None)
        position = _Cursor(day=self.day, stream=stream, id=session_key, filter=_digest(self.session_filter))
        return base64.urlsafe_b64encode(position.model_dump_json(exclude_none=True).encode()).decode()
