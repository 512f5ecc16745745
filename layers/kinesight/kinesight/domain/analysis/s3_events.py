"""Messages of the images queue: S3 event notifications inside SQS messages."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kinesight.domain.errors import InvalidEventError


@dataclass(frozen=True, slots=True)
class ImageCreated:
    """One created object; `key` is decoded."""

    bucket: str
    key: str


_WHEN_USED = ConfigDict(defer_build=True)


class _Part(BaseModel):
    model_config = _WHEN_USED


class _Object(_Part):
    key: str = Field(min_length=1)


class _Bucket(_Part):
    name: str = Field(min_length=1)


class _S3(_Part):
    bucket: _Bucket
    object: _Object


class _Record(_Part):
    event_name: str = Field(alias="eventName")
    s3: _S3


class _TestEvent(_Part):
    event: str = Field(alias="Event", pattern="^s3:TestEvent$")


class _Notification(_Part):
    records: list[_Record] = Field(alias="Records", min_length=1)


_BODY: TypeAdapter[_TestEvent | _Notification] = TypeAdapter(_TestEvent | _Notification, config=_WHEN_USED)


def parse_s3_event(body: str) -> tuple[ImageCreated, ...]:
    """The objects that a message names; none for the test event that S3 sends when a notification is set up.

    S3 form-encodes keys in events (a blank is `+`), so they are decoded here ("Event message structure", S3 guide).
    Raises InvalidEventError.
    """
    try:
        message = _BODY.validate_json(body)
    except ValidationError as error:
        raise InvalidEventError(f"not an S3 event notification: {_first_problem(error.errors())}") from error
    if isinstance(message, _TestEvent):
        return ()
    return tuple(_created(record) for record in message.records)


def _created(record: _Record) -> ImageCreated:
    if not record.event_name.startswith("ObjectCreated:"):
        raise InvalidEventError(f"the event {record.event_name} is not the creation of an object")
    return ImageCreated(record.s3.bucket.name, unquote_plus(record.s3.object.key))


def _first_problem(errors: list[Any]) -> str:
    worst = errors[-1]
    place = ".".join(str(part) for part in worst["loc"])
    return f"{place}: {worst['msg']}" if place else str(worst["msg"])
