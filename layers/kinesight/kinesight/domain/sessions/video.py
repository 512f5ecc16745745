"""The video of a session: the order to archive it, and what the archive has of it."""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

from pydantic import Field, ValidationError

from kinesight.domain.errors import InvalidEventError
from kinesight.domain.model import FragmentNumber, Selector, Timestamp, Value
from kinesight.domain.rules.document import SessionSettings
from kinesight.domain.sessions.tracker import Session

EpochMs = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
"""Up to the year 9999, the calendar's end."""


@dataclass(frozen=True, slots=True)
class SessionRef:
    """What tells a stored session from all others; `opened_ms` is in epoch milliseconds."""

    stream_name: str
    opened_ms: int
    session_id: str

    @property
    def event_id(self) -> str:
        """Its key among the stream's sessions, in the order of time."""
        return f"{self.opened_ms:015d}#{self.session_id}"


class ClipOrder(Value):
    """A message: archive what a stream recorded from `start_ms` to `end_ms`, epoch milliseconds by the selector's
    clock.

    `pictures`: of how many the session was made by then, which tells an order from one that was replaced. `fragments`
    are some that are known to belong to it, in the order in which they were seen.
    """

    video_of: str
    stream_name: str = Field(pattern=r"^[a-zA-Z0-9_.-]{1,256}$")
    opened_ms: EpochMs
    pictures: int = Field(ge=1)
    selector: Selector
    start_ms: EpochMs
    end_ms: EpochMs
    fragments: tuple[FragmentNumber, ...] = ()

    @property
    def session(self) -> SessionRef:
        return SessionRef(self.stream_name, self.opened_ms, self.video_of)

    @classmethod
    def parse(cls, body: str) -> "ClipOrder":
        """Raises InvalidEventError."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise InvalidEventError(f"not an order of a session's video: {error.errors()[0]}") from error


class ClipFragment(Value):
    """An archived fragment. `date` is that of its key (records.archive_key); moment and length, in milliseconds, are
    unknown of one that KVS had forgotten by the time it was looked for."""

    number: FragmentNumber
    date: str
    started_at: Timestamp | None = None
    length_ms: int | None = None


class MissingPart(Value):
    """What could not be had, and why: fragments by number, or a stretch of time in which nothing is stored.

    Reasons of stretches: NO_MEDIA, EXPIRED, NO_RETENTION, STREAM_GONE, TOO_MANY; those of fragments are in KVS's words.
    """

    reason: str
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    fragments: tuple[FragmentNumber, ...] = ()


class SessionClip(Value):
    """As it is stored beside the session; `fragments` are in the order of time. Until it is `complete`, more come."""

    pictures: int
    selector: Selector
    started_at: Timestamp
    ended_at: Timestamp
    complete: bool
    fragments: tuple[ClipFragment, ...] = ()
    missing: tuple[MissingPart, ...] = ()


def order_of(session: Session, settings: SessionSettings) -> ClipOrder:
    """From the pre-roll before its first picture to the post-roll after its last one."""
    return ClipOrder(
        video_of=session.session_id,
        stream_name=session.stream_name,
        opened_ms=session.opened_ms,
        pictures=session.pictures,
        selector="SERVER_TIMESTAMP" if session.by_server else "PRODUCER_TIMESTAMP",
        start_ms=max(0, session.started_ms - round(1000 * settings.pre_roll_seconds)),
        end_ms=session.last_ms + round(1000 * settings.post_roll_seconds),
        fragments=session.fragments,
    )


def delay_s(settings: SessionSettings, settle_s: int) -> int:
    """How long an order waits. Its session's last picture has arrived, so by any clock the post-roll is recorded that
    long from now; `settle_s` is for its last fragment to end and to be listed."""
    return ceil(settings.post_roll_seconds) + settle_s
