"""What the viewer's API answers with, for its OpenAPI document. Tests hold every answer to these shapes; at run time
nothing is checked against them, since the answers are our own.

A link is an address that is signed, and opens for `ViewerLinkSeconds`. Moments are UTC, in ISO 8601.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from kinesight.domain.model import Detection, ResultRecord, Value
from kinesight.domain.on_demand.messages import RangeSummary
from kinesight.domain.sessions.clip import ClipFragment, SessionClip
from kinesight.domain.sessions.model import Severity

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Link = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class Shape(Value):
    """Nothing besides is in an answer."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True, extra="forbid")


class Problem(Shape):
    """`code` is for programs, `message` for people; `problems` are those of a document or a request, each with its
    place."""

    code: str
    message: str
    problems: list[str] = Field(default=[])


class Error(Shape):
    """Why something was refused."""

    error: Problem


# -- events


class Best(Shape):
    """The surest detection of a session."""

    result_id: str
    image_timestamp: Moment
    fragment_number: str | None
    label: str
    confidence: float


class Keys(Shape):
    """In the evidence bucket."""

    image: str
    record: str
    video: str | None


class ImageLink(Shape):
    """The best image, with its boxes."""

    image: Link


class Card(Shape):
    """An event: a session (docs/sessions.md), and what people said of it. `labels`: by label, how sure (0 to 100)."""

    schema_version: int
    session_id: str
    stream_name: str
    severity: Severity = Field(alias="class")
    started_at: Moment
    last_seen_at: Moment
    closed: bool
    images: int
    labels: dict[str, float]
    rules: list[str]
    zones: list[str]
    fragments: list[str]
    best: Best
    keys: Keys
    event_id: str
    day: Day
    reviewed: bool
    held: bool
    revision: str
    links: ImageLink


class EventsPage(Shape):
    """`cursor` asks for the next page, and is null at the end; `lookedBackTo`: the day up to which all was seen."""

    events: list[Card]
    cursor: str | None
    looked_back_to: Day


class FrameLinks(Shape):
    """The original image may have expired, and is not told of where it is unknown."""

    image: Link
    record: Link
    original: Link = ""


class EventFrame(Shape):
    """An image of an event."""

    result_id: str
    image_timestamp: Moment
    detections: list[Detection]
    rules: list[str]
    links: FrameLinks


class LinkedFragment(ClipFragment):
    """With a link to its Matroska file, up to the thousandth."""

    link: Link | None = None


class LinkedVideo(SessionClip):
    """What is archived of an event."""

    fragments: tuple[LinkedFragment, ...] = ()


class EventLinks(FrameLinks):
    """`video`: the fragment of the best image."""

    video: Link = ""


class EventDetails(Card):
    """With its images, its video, and the record and the producer's tags of its best image."""

    frames: list[EventFrame]
    record: ResultRecord | None
    tags: dict[str, str]
    video: LinkedVideo | None
    links: EventLinks  # type: ignore[assignment]  # more than a card has


class Playback(Shape):
    """A playlist, or an MP4 with what is `missing` in it."""

    kind: Literal["HLS", "CLIP"]
    url: Link
    missing: str | None = None


class BundledFile(Shape):
    """`key`: in the evidence bucket, where it is a copy from."""

    name: str
    sha256: str
    size_bytes: int = Field(alias="bytes")
    key: str = ""


class MissingFile(Shape):
    """What could not be bundled."""

    name: str
    reason: str


class Manifest(Shape):
    """What a bundle has."""

    schema_version: int
    stream_name: str
    event_id: str
    files: list[BundledFile]
    missing: list[MissingFile]


class Bundle(Shape):
    """A zip."""

    link: Link
    manifest: Manifest


class SessionMoments(Shape):
    """When an event was."""

    event_id: str
    started_at: Moment
    last_seen_at: Moment
    severity: Severity = Field(alias="class")


class StreamActivity(Shape):
    """Newest first."""

    stream: str
    sessions: list[SessionMoments]


class Activity(Shape):
    """A day's events by camera."""

    streams: list[StreamActivity]


# -- cameras


class Configurations(Shape):
    """As KVS's API has them; null where a stream has none, absent where none is wanted or KVS did not tell."""

    image_generation: dict[str, Any] | None = None
    notification: dict[str, Any] | None = None


class Configured(Shape):
    """`drift`: the fields in which what was found differs from what is wanted."""

    wanted: Configurations
    found: Configurations
    drift: list[str]


class Health(Shape):
    """A check of `kinesight doctor`: what it found, why that is so, and what to do."""

    check: str
    state: Literal["ok", "broken", "unknown"]
    fact: str
    because: str
    next: str
    cause: str


class Camera(Shape):
    """A selected stream. `status` is KVS's, or MISSING. `lastFragmentAt`: of the last hour, by KVS's clock."""

    stream: str
    arn: str | None
    status: str
    retention_hours: int
    last_fragment_at: Moment | None
    last_event: SessionMoments | None
    configuration: Configured
    health: list[Health]


class CamerasPage(Shape):
    """By name; `cursor` asks for those after it, and is null at the end."""

    cameras: list[Camera]
    cursor: str | None


# -- rules


class RulesDocument(Shape):
    """docs/rules.schema.json; `default` is the entry of streams that have none."""

    document: dict[str, Any] | None
    default: dict[str, Any]
    etag: str


class RulesTag(Shape):
    """What the next change must have seen."""

    etag: str


# -- analyses


class Started(Shape):
    """An analysis that was begun."""

    analysis_id: str


Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"]


class ListedAnalysis(Shape):
    """An analysis, and who wanted it."""

    analysis_id: str
    stream_name: str
    start_timestamp: Moment
    end_timestamp: Moment
    started_at: Moment
    started_by: str
    timelapse: bool
    status: Status


class Analyses(Shape):
    """Newest first."""

    analyses: list[ListedAnalysis]


class Windows(Shape):
    """Parts of the range."""

    done: int
    all: int


class ResultLinks(Shape):
    """What is kept of a result, some seconds after it was found."""

    image: Link
    record: Link


class AnalysisResult(Shape):
    """An image that matched."""

    result_id: str
    image_timestamp: Moment
    labels: list[str]
    links: ResultLinks


class Film(Shape):
    """A time-lapse and its poster."""

    link: Link
    poster: Link


class Analysis(Shape):
    """`found` and `matched` count images, while it runs those of its first hundred windows. `detector` is null where
    the stack's own was asked for."""

    analysis_id: str
    stream_name: str | None
    start_timestamp: Moment | None
    end_timestamp: Moment | None
    started_at: Moment
    ended_at: Moment | None
    status: Status
    detector: str | None
    error: str | None
    windows: Windows
    found: int
    matched: int
    results: list[AnalysisResult]
    summary: RangeSummary | None
    timelapse: Film | None
