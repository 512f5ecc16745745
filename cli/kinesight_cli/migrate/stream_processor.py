"""Model of the output of `aws rekognition describe-stream-processor`. A test compares it with botocore's shape."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_pascal

from kinesight_cli.migrate.migration import MigrationError, parse_json

Percent = Annotated[float, Field(ge=0, le=100)]
VideoStreamArn = Annotated[
    str, StringConstraints(pattern=r"^arn:[a-z\d-]+:kinesisvideo:[a-z\d-]+:\d{12}:stream/[a-zA-Z0-9_.-]+/\d+$")
]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_pascal, validate_by_alias=True)


class VideoStream(_Shape):
    arn: VideoStreamArn


class Input(_Shape):
    kinesis_video_stream: VideoStream


class DataStream(_Shape):
    arn: str


class Bucket(_Shape):
    bucket: str
    key_prefix: str | None = None


class Output(_Shape):
    kinesis_data_stream: DataStream | None = None
    s3_destination: Bucket | None = Field(default=None, alias="S3Destination")


class FaceSearch(_Shape):
    """Rekognition treats thresholds below 80, and no threshold, as 80."""

    collection_id: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.\-]{1,255}$")]
    face_match_threshold: Percent = 80


class ConnectedHome(_Shape):
    """The service's default confidence is 50."""

    labels: tuple[str, ...] = Field(min_length=1)
    min_confidence: Percent = 50


class Settings(_Shape):
    face_search: FaceSearch | None = None
    connected_home: ConnectedHome | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.face_search is None) == (self.connected_home is None):
            raise ValueError("either FaceSearch or ConnectedHome must be set, and not both")
        return self


class Point(_Shape):
    """Fractions of the width and height of the image."""

    x: float
    y: float


class Box(_Shape):
    """Fractions of the width and height of the image."""

    width: float = Field(gt=0)
    height: float = Field(gt=0)
    left: float
    top: float


class Region(_Shape):
    bounding_box: Box | None = None
    polygon: tuple[Point, ...] | None = Field(default=None, min_length=3)

    @model_validator(mode="after")
    def _is_one_form(self) -> Self:
        if (self.bounding_box is None) == (self.polygon is None):
            raise ValueError("either BoundingBox or Polygon must be set, and not both")
        return self


class NotificationChannel(_Shape):
    sns_topic_arn: str = Field(alias="SNSTopicArn")


class DataSharingPreference(_Shape):
    opt_in: bool


class StreamProcessor(_Shape):
    """A stream processor for face search or for label detection."""

    name: str | None = None
    stream_processor_arn: str | None = None
    status: str | None = None
    status_message: str | None = None
    creation_timestamp: str | float | None = None
    last_update_timestamp: str | float | None = None
    input: Input
    output: Output | None = None
    role_arn: str | None = None
    settings: Settings
    notification_channel: NotificationChannel | None = None
    kms_key_id: str | None = None
    regions_of_interest: tuple[Region, ...] = ()
    data_sharing_preference: DataSharingPreference | None = None

    @classmethod
    def parse(cls, text: str) -> "StreamProcessor":
        """Parses the output. Raises MigrationError with all problems."""
        document = parse_json(text)
        if not isinstance(document, dict) or not {"Input", "Settings"} & set(document):
            raise MigrationError(_wrong_file(document))
        try:
            return cls.model_validate(
                {name: value for name, value in document.items() if name != "ResponseMetadata" and value is not None}
            )
        except ValidationError as error:
            problems = "; ".join(f"{_place(one['loc'])}: {_problem(one['msg'])}" for one in error.errors())
            raise MigrationError(f"the file is not output of describe-stream-processor: {problems}") from error


def _place(parts: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")


def _problem(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Extra inputs are not permitted", "unknown")


def _wrong_file(document: object) -> str:
    hint = "run aws rekognition describe-stream-processor --name <processor> > processor.json and pass that file"
    if isinstance(document, dict) and "StreamProcessors" in document:
        return f"the file is a list of stream processors: {hint}, once per processor"
    if isinstance(document, list) or (isinstance(document, dict) and {"Parameters", "Stacks"} & set(document)):
        return (
            f"the file has parameters of a stack: for KIT's, run kinesight migrate kit; for a stream processor, {hint}"
        )
    return f"the file does not describe a stream processor: {hint}"
