"""Sessions, the observations that they are made of, and what is stored of one stream between batches.

All times are epoch milliseconds.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import TypeAdapter

from kinesight.domain.model import BoundingBox
from kinesight.domain.sessions.stationary_objects import Scene


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
    timestamp, not a producer timestamp."""

    result_id: str
    at_ms: int
    fragment_number: str | None
    hits: tuple[Hit, ...] = ()
    by_server: bool = False
    clocks: ImageClocks | None = None

    @property
    def short_id(self) -> str:
        """Prefix of the result id: enough to recognize a frame among some hundred."""
        return self.result_id[:12]


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
    """A change to publish, with the session as it was then."""

    type: SessionEventType
    session: Session


@dataclass(slots=True)
class RuleState:
    """State of one rule: which of the last frames hit, since when, and the end of its cooldown after an alert."""

    recent: list[bool] = field(default_factory=list)
    since_ms: int | None = None
    cooldown_until_ms: int = 0


@dataclass(slots=True)
class TrackerState:
    """Everything stored of one stream between batches. `touched_ms` is our clock at the last frame; `stream_arn` is
    None until a record has carried it."""

    pending: list[Observation] = field(default_factory=list)
    latest_ms: int = 0
    processed_until_ms: int = -1
    processed_ids: list[str] = field(default_factory=list)
    rules: dict[str, RuleState] = field(default_factory=dict)
    scene: Scene = field(default_factory=Scene)
    open: Session | None = None
    closed: list[Session] = field(default_factory=list)
    outbox: list[SessionEvent] = field(default_factory=list)
    touched_ms: int = 0
    stream_arn: str | None = None


TRACKER_STATE: TypeAdapter[TrackerState] = TypeAdapter(TrackerState)
