"""The vocabulary: frames, where they come from, what was seen in them."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from pydantic.alias_generators import to_camel

FragmentNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,128}$")]
"""KVS fragment numbers pass 64 bits, so they are text everywhere (API_dataplane_Fragment)."""


def _to_milliseconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def iso_milliseconds(moment: datetime) -> str:
    """2026-01-01T12:00:00.000Z, of a UTC moment."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    AwareDatetime, AfterValidator(_to_milliseconds), PlainSerializer(iso_milliseconds, when_used="json")
]
"""UTC, whole milliseconds: the precision of KVS image metadata."""


def from_epoch_ms(epoch_ms: int) -> datetime:
    """The UTC moment of an epoch time in milliseconds. Raises OverflowError outside the calendar."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms)


def to_epoch_ms(moment: datetime) -> int:
    """Epoch milliseconds of an aware moment, exact."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


class Value(BaseModel):
    """Base of the frozen values that cross a queue or a stream: camelCase in JSON, snake_case here."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


class FrameSource(StrEnum):
    """How a picture came in."""

    IMAGE_GENERATION = "image-generation"
    ON_DEMAND = "on-demand"
    LIVE = "live"
    NOTIFICATION = "notification"


class ImageReference(Value):
    """A picture in S3. Width and height are null where nobody had to read the picture to know them."""

    bucket: str
    key: str
    content_type: str
    size_bytes: int
    width: int | None = None
    height: int | None = None


class Frame(Value):
    """One picture of one camera: where it is, and which stream, fragment and moment it shows."""

    source: FrameSource
    stream_name: str
    stream_arn: str | None = None
    fragment_number: FragmentNumber | None = None
    image_timestamp: Timestamp
    producer_timestamp: Timestamp | None = None
    server_timestamp: Timestamp | None = None
    image: ImageReference
    tags: dict[str, str] = Field(default_factory=dict)


class BoundingBox(Value):
    """A box as ratios of the picture's size. May reach outside 0..1 where the object is cut off."""

    left: float
    top: float
    width: float
    height: float


class Detection(Value):
    """Something seen: a label, how sure the detector is (0 to 100), and where, if it said where."""

    label: str
    confidence: float
    bounding_box: BoundingBox | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)
    zones: tuple[str, ...] = ()


class DetectorInfo(Value):
    """Which model looked, and how long it took."""

    type: str
    operation: str
    model_version: str | None = None
    latency_ms: int


class ResultRecord(Value):
    """What the results stream carries, one per frame; docs/result-record.schema.json is its schema."""

    schema_version: int = 1
    result_id: str
    frame: Frame
    detector: DetectorInfo
    detections: tuple[Detection, ...]
    matched: bool
    matched_labels: tuple[str, ...] = ()
    matched_rules: tuple[str, ...] = ()
    raw_output: Any | None = None


Selector = Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"]
