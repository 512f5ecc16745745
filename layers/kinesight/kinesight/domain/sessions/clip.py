"""The clip of a session: the order to archive it, and its archived fragments."""

from dataclasses import dataclass
from math import ceil

from pydantic import Field, ValidationError

from kinesight.domain.configuration.camera import SessionSettings
from kinesight.domain.errors import InvalidEventError
from kinesight.domain.model import LATEST_MS, EpochMs, FragmentNumber, Selector, Timestamp, Value
from kinesight.domain.plain_values import describe
from kinesight.domain.sessions.model import Session


@dataclass(frozen=True, slots=True)
class SessionRef:
    """Identity of a stored session; `opened_ms` is in epoch milliseconds."""

    stream_name: str
    opened_ms: int
    session_id: str

    @property
    def session_key(self) -> str:
        """Sort key among the stream's sessions, in the order of time."""
        return f"{self.opened_ms:015d}#{self.session_id}"


class ClipOrder(Value):
    """Message that orders the archiving of a stream from `start_ms` to `end_ms`, epoch milliseconds of the selector's
    clock.

    `images`: number of images of the session at the time of the order; an order with fewer images is superseded.
    `fragments`: some that belong to the session, in the order of detection.
    """

    video_of: str
    stream_name: str = Field(pattern=r"^[a-zA-Z0-9_.-]{1,256}$")
    opened_ms: EpochMs
    images: int = Field(ge=1)
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
            raise InvalidEventError(f"not a clip order: {describe(error)}") from error


class ClipFragment(Value):
    """An archived fragment. `date` is that of its key (result_records.archive_key); start and length, in milliseconds,
    are None if KVS no longer listed the fragment."""

    number: FragmentNumber
    date: str
    started_at: Timestamp | None = None
    length_ms: int | None = None


class MissingPart(Value):
    """A missing part of a clip: fragments by number, or a time range without media.

    Reasons of time ranges: NO_MEDIA, EXPIRED, NO_RETENTION, STREAM_GONE, TOO_MANY; of fragments: KVS's messages.
    """

    reason: str
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    fragments: tuple[FragmentNumber, ...] = ()


class SessionClip(Value):
    """The clip as stored with its session; `fragments` are in the order of time. It grows until it is `complete`."""

    images: int
    selector: Selector
    started_at: Timestamp
    ended_at: Timestamp
    complete: bool
    fragments: tuple[ClipFragment, ...] = ()
    missing: tuple[MissingPart, ...] = ()


def order_of(session: Session, settings: SessionSettings) -> ClipOrder:
    """The order: from the pre-roll before the first frame to the post-roll after the last one."""
    return ClipOrder(
        video_of=session.session_id,
        stream_name=session.stream_name,
        opened_ms=session.opened_ms,
        images=session.images,
        selector="SERVER_TIMESTAMP" if session.by_server else "PRODUCER_TIMESTAMP",
        start_ms=max(0, session.started_ms - round(1000 * settings.pre_roll_seconds)),
        end_ms=min(LATEST_MS, session.last_ms + round(1000 * settings.post_roll_seconds)),
        fragments=session.fragments,
    )


def delay_s(settings: SessionSettings) -> int:
    """Delay of an order, in seconds. The last frame has arrived, so the post-roll is recorded that long from now;
    `clip_settle_seconds` allows the last fragment to end and to be listed."""
    return ceil(settings.post_roll_seconds) + settings.clip_settle_seconds
