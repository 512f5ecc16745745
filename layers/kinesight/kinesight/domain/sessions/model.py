"""Sessions, the observations that they are made of, and what is stored of one stream between batches.

All times are epoch milliseconds.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kinesight.domain.errors import InvalidEventError
from kinesight.domain.model import BoundingBox
from kinesight.domain.sessions.processed_frames import ProcessedFrames
from kinesight.domain.sessions.stationary_objects import Scene
from kinesight.domain.stream_clock import StreamClock

_WHEN_USED = ConfigDict(defer_build=True)
"""Building a validator takes longer than importing this module, and few functions use all of them."""
_OF_OBSERVATION, _OF_HIT = 250, 200
"""Characters of an observation and of a hit, in JSON with numbers of full length."""


class Severity(StrEnum):
    """Class of a rule and of a session: the highest of the rules that passed."""

    ACTIVITY = "ACTIVITY"
    ALERT = "ALERT"

    @property
    def rank(self) -> int:
        """Position in the order of severity, lowest first."""
        return list(Severity).index(self)


class SessionEventType(StrEnum):
    """Type of a published change of a session."""

    NEW = "NEW"
    UPDATE = "UPDATE"
    ALERT = "ALERT"
    END = "END"


@dataclass(frozen=True, slots=True)
class Hit:
    """A detection that passes rules; confidence is 0 to 100."""

    label: str
    confidence: float
    box: BoundingBox | None
    rules: tuple[str, ...]
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageClocks:
    """Timestamps that KVS gave an image in addition to the image timestamp; None where it gave none."""

    producer_ms: int | None = None
    server_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One analyzed frame, with or without hits; one without hits needs no clocks. `by_server`: `at_ms` is a server
    timestamp, not a producer timestamp. `ahead_ms`: how far the clock of `at_ms` is ahead of KVS's; None if unknown."""

    result_id: str
    at_ms: int
    fragment_number: str | None
    hits: tuple[Hit, ...] = ()
    by_server: bool = False
    clocks: ImageClocks | None = None
    ahead_ms: int | None = None

    @property
    def characters(self) -> int:
        """About how many it has in the stored state."""
        texts = sum(len(text) for one in self.hits for text in (one.label, *one.rules, *one.zones))
        return _OF_OBSERVATION + _OF_HIT * len(self.hits) + texts


@dataclass(frozen=True, slots=True)
class BestImage:
    """The image that represents a session: the most confident detection of the most severe rule. `boxes` holds, per
    label, the box of its most confident detection."""

    result_id: str
    at_ms: int
    fragment_number: str | None
    label: str
    confidence: float
    severity: Severity
    boxes: dict[str, BoundingBox] = field(default_factory=dict)
    clocks: ImageClocks | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One continuous activity on one camera, from the first to the last frame that passed a rule.

    `labels` maps each label to its highest confidence; `fragments` holds the first fifty that show the session.
    `opened_ms` never changes; `started_ms` does if an earlier frame arrives late. `by_server`: as in Observation.
    """

    session_id: str
    stream_name: str
    severity: Severity
    opened_ms: int
    started_ms: int
    last_ms: int
    images: int
    labels: dict[str, float]
    rules: tuple[str, ...]
    zones: tuple[str, ...]
    best: BestImage
    fragments: tuple[str, ...] = ()
    alerted: bool = False
    closed: bool = False
    by_server: bool = False
    stream_arn: str | None = None


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """A change to publish, with the session as it was then. `attempts`: deliveries that failed unexpectedly."""

    __pydantic_config__: ClassVar[ConfigDict] = _WHEN_USED

    type: SessionEventType
    session: Session
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class UndeliveredEvent:
    """A change as it is dead-lettered; `state_key` is that of the state of its stream."""

    __pydantic_config__: ClassVar[ConfigDict] = _WHEN_USED

    state_key: str
    undelivered: SessionEvent

    @classmethod
    def parse(cls, document: Any) -> "UndeliveredEvent":
        """Raises InvalidEventError."""
        try:
            return UNDELIVERED_EVENT.validate_python(document)
        except ValidationError as error:
            raise InvalidEventError(f"not an undelivered change of a session: {error.errors()[0]}") from error


@dataclass(slots=True)
class RuleState:
    """State of one rule: which of the last frames hit, since when, and the frame of its last alert."""

    recent: list[bool] = field(default_factory=list)
    since_ms: int | None = None
    alerted_ms: int | None = None


@dataclass(slots=True)
class Timeline:
    """Frames of one stream by one clock, which was not set in between.

    `offset_ms` is how far it is ahead of the clock of the first timeline. `touched_ms` is our clock at the last frame.
    `past` holds starts and ends of sessions that `closed` no longer holds.
    """

    clock: StreamClock
    offset_ms: int = 0
    touched_ms: int = 0
    pending: list[Observation] = field(default_factory=list)
    processed_until_ms: int = -1
    processed: ProcessedFrames = field(default_factory=ProcessedFrames)
    open: Session | None = None
    closed: list[Session] = field(default_factory=list)
    past: list[tuple[int, int]] = field(default_factory=list)

    @property
    def sessions(self) -> list[Session]:
        """The open session and the last closed ones."""
        return [*([self.open] if self.open else []), *self.closed]

    @property
    def is_idle(self) -> bool:
        """Whether nothing happens until a frame arrives."""
        return not self.pending and self.open is None


@dataclass(slots=True)
class TrackerState:
    """Everything stored of one stream between batches. The timeline of the last frame comes first. `stream_arn` is None
    until a record has carried it. Timestamps of rules and of the scene are by the clock without offset."""

    __pydantic_config__: ClassVar[ConfigDict] = _WHEN_USED

    timelines: list[Timeline] = field(default_factory=list)
    rules: dict[str, RuleState] = field(default_factory=dict)
    scene: Scene = field(default_factory=Scene)
    outbox: list[SessionEvent] = field(default_factory=list)
    stream_arn: str | None = None


TRACKER_STATE: TypeAdapter[TrackerState] = TypeAdapter(TrackerState)
SESSION_EVENT: TypeAdapter[SessionEvent] = TypeAdapter(SessionEvent)
UNDELIVERED_EVENT: TypeAdapter[UndeliveredEvent] = TypeAdapter(UndeliveredEvent)
