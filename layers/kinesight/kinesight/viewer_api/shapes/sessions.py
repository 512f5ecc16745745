"""Shapes of sessions and their evidence."""

from typing import Literal

from pydantic import Field

from kinesight.domain.model import Detection, ResultRecord
from kinesight.domain.sessions.clip import ClipFragment, SessionClip
from kinesight.domain.sessions.model import Severity
from kinesight.viewer_api.shapes.base import Day, Link, Moment, Shape


class BestDetection(Shape):
    """The detection of a session with the highest confidence."""

    result_id: str
    image_timestamp: Moment
    fragment_number: str | None
    label: str
    confidence: float


class EvidenceKeys(Shape):
    """Keys in the evidence bucket."""

    image: str
    record: str
    video: str | None


class ImageLink(Shape):
    """The best image, with its boxes."""

    image: Link


class SessionCard(Shape):
    """A session (docs/sessions.md) with its marks. `labels`: label → confidence, 0 to 100."""

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
    best: BestDetection
    keys: EvidenceKeys
    session_key: str
    day: Day
    reviewed: bool
    held: bool
    revision: str
    links: ImageLink


class SessionsPage(Shape):
    """`cursor` requests the next page, and is null at the end; `searchedUntil`: the earliest day that has been read."""

    sessions: list[SessionCard]
    cursor: str | None
    searched_until: Day


class FrameLinks(Shape):
    """The original image may have expired; it is absent if its location is unknown."""

    image: Link
    record: Link
    original: Link = ""


class SessionFrame(Shape):
    """An image of a session."""

    result_id: str
    image_timestamp: Moment
    detections: list[Detection]
    rules: list[str]
    links: FrameLinks


class LinkedFragment(ClipFragment):
    """A fragment; the first thousand have a link to their Matroska file."""

    link: Link | None = None


class LinkedVideo(SessionClip):
    """The archived video of a session."""

    fragments: tuple[LinkedFragment, ...] = ()


class SessionLinks(FrameLinks):
    """`video`: the fragment of the best image."""

    video: Link = ""


class SessionDetails(SessionCard):
    """A session with its images, its video, and the record and producer tags of its best image."""

    frames: list[SessionFrame]
    record: ResultRecord | None
    tags: dict[str, str]
    video: LinkedVideo | None
    links: SessionLinks  # type: ignore[assignment]  # more than a card has


class Playback(Shape):
    """An HLS playlist, or an MP4 and what is `missing` from it."""

    kind: Literal["HLS", "CLIP"]
    url: Link
    missing: str | None = None


class BundledFile(Shape):
    """A file of a bundle. `key`: of the object in the evidence bucket, for a copy of an object."""

    name: str
    sha256: str
    size_bytes: int = Field(alias="bytes")
    key: str = ""


class MissingFile(Shape):
    """A file that could not be bundled."""

    name: str
    reason: str


class Manifest(Shape):
    """Contents of a bundle."""

    schema_version: int
    stream_name: str
    session_key: str
    files: list[BundledFile]
    missing: list[MissingFile]


class Bundle(Shape):
    """A zip and its manifest."""

    link: Link
    manifest: Manifest


class SessionTimes(Shape):
    """Times and class of a session."""

    session_key: str
    started_at: Moment
    last_seen_at: Moment
    severity: Severity = Field(alias="class")


class StreamActivity(Shape):
    """Sessions of a camera, newest first."""

    stream: str
    sessions: list[SessionTimes]


class Activity(Shape):
    """Sessions that opened in a range of times, by camera."""

    streams: list[StreamActivity]
