"""A capture: what only the service itself can show, without identifiers. docs/capture.schema.json is its schema.

Times of media are milliseconds after the first fragment began, by the producer's clock.
"""

from typing import Annotated, Any, Literal

from kinesight.domain.model import Value
from pydantic import Field

Moment = Annotated[int, Field(description="Milliseconds after the first fragment began.")]


class CapturedImage(Value):
    """An object that image generation wrote."""

    key: str
    metadata: dict[str, str]
    content_type: str
    server_side_encryption: str | None
    timecode_is_producer_timestamp: bool


class CapturedNotification(Value):
    """A message of the notification topic. `envelope`: names of the fields that SNS adds."""

    subject: str | None
    envelope: tuple[str, ...]
    message: dict[str, Any]


class CapturedSettings(Value):
    """Stream settings that were set, and what Describe returned afterwards."""

    operation: str
    applied: dict[str, Any]
    described: dict[str, Any]


class CapturedFragment(Value):
    """A fragment as ListFragments returns it."""

    start_ms: Moment
    length_ms: int
    size_bytes: int


class CapturedMoment(Value):
    """One image of GetImages: its TimeStamp, and the error if there is no image."""

    at_ms: Moment
    error: str | None


class CapturedRange(Value):
    """A range of GetImages around the borders of the first fragments."""

    start_ms: Moment
    end_ms: Moment
    interval_ms: int
    moments: tuple[CapturedMoment, ...]


class CapturedMedia(Value):
    """A fragment as GetMedia returns it: names of its tags; `age_ms`: time since its server timestamp."""

    tags: tuple[str, ...]
    millis_behind_now: int | None
    age_ms: int


class CapturedError(Value):
    """The response to a request that must fail. `headers`: names of those that start with `x-amz`."""

    name: str
    operation: str
    http_status: int
    code: str
    message: str
    headers: tuple[str, ...]


class CapturedLatency(Value):
    """Duration of a step of the run."""

    step: str
    status: str
    seconds: float
    waits_for: str


class Capture(Value):
    """Everything that one run has recorded. `problems`: what could not be recorded, and why."""

    schema_version: Literal[1] = 1
    source: Literal["aws", "emulator"]
    region: str
    botocore: str
    images: tuple[CapturedImage, ...] = ()
    notifications: tuple[CapturedNotification, ...] = ()
    settings: tuple[CapturedSettings, ...] = ()
    fragments: tuple[CapturedFragment, ...] = ()
    get_images: tuple[CapturedRange, ...] = ()
    get_media: tuple[CapturedMedia, ...] = ()
    errors: tuple[CapturedError, ...] = ()
    latencies: tuple[CapturedLatency, ...] = ()
    problems: tuple[str, ...] = ()
