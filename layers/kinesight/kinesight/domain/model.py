"""Base model: frames, their sources, detections and result records."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from kinesight.domain.errors import InvalidTimestampError
from kinesight.domain.plain_values import PLAIN, Extent, Identity, Label, Percent, Ratio, StreamName, Text

FragmentNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,128}$")]
"""KVS fragment numbers exceed 64 bits, so they are strings (API_dataplane_Fragment)."""


LATEST_MS = 253_370_764_799_999
"""The end of the year 9998: a day of any time zone, a pre-roll and a retention more are still in the calendar."""
EpochMs = Annotated[int, Field(ge=0, le=LATEST_MS)]
"""A timestamp that others sent, in epoch milliseconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _to_milliseconds(moment: datetime) -> datetime:
    return from_epoch_ms(to_epoch_ms(moment))


def iso_milliseconds(moment: datetime) -> str:
    """Formats a UTC datetime like 2026-01-01T12:00:00.000Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    AwareDatetime, AfterValidator(_to_milliseconds), PlainSerializer(iso_milliseconds, when_used="json")
]
"""UTC, whole milliseconds: the precision of KVS image metadata."""


def from_epoch_ms(epoch_ms: int) -> datetime:
    """Returns the UTC datetime of epoch milliseconds. Raises InvalidTimestampError before 1970 and after LATEST_MS."""
    if not 0 <= epoch_ms <= LATEST_MS:
        raise InvalidTimestampError("a timestamp is before 1970 or after the year 9998")
    return _EPOCH + timedelta(milliseconds=epoch_ms)


def to_epoch_ms(moment: datetime) -> int:
    """Returns the exact epoch milliseconds of an aware datetime."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


class Value(BaseModel):
    """Base of immutable values in queues, streams and stored documents: camelCase in JSON."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, defer_build=True
    )

    @classmethod
    def stored(cls, body: str | None) -> Self | None:
        """A stored document; None if there is none, or if it is malformed or of another version: whatever it belongs to
        starts afresh, so that one document does not stop the others."""
        try:
            return None if body is None else cls.model_validate_json(body)
        except ValidationError:
            return None


class NotAnalyzed(StrEnum):
    """Why a frame was not analyzed: the log messages of its functions."""

    GATED = "gated"
    ALREADY_ANALYZED = "already analyzed"
    NO_DETECTOR = "no detector"


class FrameSource(StrEnum):
    """Source of a frame."""

    IMAGE_GENERATION = "image-generation"
    ON_DEMAND = "on-demand"
    LIVE = "live"
    NOTIFICATION = "notification"


class ImageReference(Value):
    """An image in S3. Width and height are null unless the image was read."""

    bucket: Text
    key: Text
    content_type: Text
    size_bytes: int
    width: int | None = None
    height: int | None = None


class Frame(Value):
    """An image with its stream, fragment and timestamps."""

    source: FrameSource
    stream_name: StreamName
    stream_arn: Text | None = None
    fragment_number: FragmentNumber | None = None
    image_timestamp: Timestamp
    producer_timestamp: Timestamp | None = None
    server_timestamp: Timestamp | None = None
    image: ImageReference
    tags: dict[Text, Text] = Field(default_factory=dict)


class BoundingBox(Value):
    """A box in ratios of the image size. May exceed 0..1 if the object is cut off."""

    left: Ratio
    top: Ratio
    width: Extent
    height: Extent


class Detection(Value):
    """A detection: label, confidence (0 to 100), and box, if the detector returns one."""

    label: Label
    confidence: Percent
    bounding_box: BoundingBox | None = None
    attributes: Annotated[dict[str, Any], PLAIN] = Field(default_factory=dict)
    zones: tuple[Label, ...] = ()


class DetectorInfo(Value):
    """Detector of a record, and its latency."""

    type: Text
    operation: Text
    model_version: Text | None = None
    latency_ms: int


_LOGGED_LABELS = 20


class ResultRecord(Value):
    """Record of the results stream, one per frame; its schema is docs/result-record.schema.json."""

    schema_version: int = 1
    result_id: Identity
    frame: Frame
    detector: DetectorInfo
    detections: tuple[Detection, ...]
    matched: bool
    matched_labels: tuple[Label, ...] = ()
    matched_rules: tuple[Label, ...] = ()
    raw_output: Annotated[Any | None, PLAIN] = None

    @property
    def label_confidences(self) -> dict[str, float]:
        """Highest confidence (0 to 100) per label, of the most confident labels, for a log line."""
        best: dict[str, float] = {}
        for one in sorted(self.detections, key=lambda one: -one.confidence):
            best.setdefault(one.label, round(one.confidence, 1))
        return dict(islice(best.items(), _LOGGED_LABELS))


Selector = Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"]
