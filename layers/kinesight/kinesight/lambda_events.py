"""The batches that Lambda's event sources deliver, checked at the edge."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kinesight.domain.batches import QueuedMessage, StreamedRecord
from kinesight.domain.errors import InvalidEventError, InvalidInputError
from kinesight.domain.json_text import check_depth
from kinesight.domain.plain_values import describe

_FORMS = ("multipart/", "application/x-www-form-urlencoded")


def _decoded(data: Any) -> Any:
    return b64decode(data, validate=True) if isinstance(data, str) else data


class Event(BaseModel):
    """Base: a function parses one event of these, so each is built at its first use."""

    model_config = ConfigDict(defer_build=True)


class _SqsAttributes(Event):
    receive_count: int = Field(default=1, alias="ApproximateReceiveCount", ge=1)


class _SqsRecord(Event):
    message_id: str = Field(alias="messageId")
    body: str
    receipt_handle: str = Field(default="", alias="receiptHandle")
    attributes: _SqsAttributes = _SqsAttributes()


class _SqsBatch(Event):
    records: list[_SqsRecord] = Field(alias="Records")


class _KinesisData(Event):
    sequence_number: str = Field(alias="sequenceNumber")
    data: Annotated[bytes, BeforeValidator(_decoded)]


class _KinesisRecord(Event):
    kinesis: _KinesisData


class _KinesisBatch(Event):
    records: list[_KinesisRecord] = Field(alias="Records")


class _ConsumerStart(Event):
    slot: str = Field(pattern=r"^[0-9]{4,6}$")


def consumer_start(event: Mapping[str, Any]) -> str:
    """Returns the slot. Raises InvalidEventError."""
    return read_event(_ConsumerStart, event, "the start of a consumer").slot


def sqs_messages(event: Mapping[str, Any]) -> list[QueuedMessage]:
    """Raises InvalidEventError if the event is not an SQS batch."""
    return [
        QueuedMessage(one.message_id, one.body, one.receipt_handle, one.attributes.receive_count)
        for one in read_event(_SqsBatch, event, "an SQS batch").records
    ]


def kinesis_records(event: Mapping[str, Any]) -> list[StreamedRecord]:
    """Raises InvalidEventError if the event is not a Kinesis batch."""
    batch = read_event(_KinesisBatch, event, "a Kinesis batch")
    return [StreamedRecord(record.kinesis.sequence_number, record.kinesis.data) for record in batch.records]


def check_scheduled(event: Mapping[str, Any]) -> None:
    """Raises InvalidEventError if the event is not one of EventBridge's schedules."""
    if event.get("source") != "aws.events":
        raise InvalidEventError("not a scheduled event")


def check_body(event: Mapping[str, Any]) -> None:
    """Raises InvalidInputError if the body of an HTTP API's request is not UTF-8, nested too deeply, or a form,
    or has an integer that Python refuses: the validation raises on these instead of responding."""
    body = event.get("body")
    if not body:
        return
    if str((event.get("headers") or {}).get("content-type", "")).lower().startswith(_FORMS):
        raise InvalidInputError("the body is a form, and must be application/json")
    try:
        text = b64decode(body, validate=True).decode() if event.get("isBase64Encoded") else str(body)
        text.encode()
        check_depth(text)
        json.loads(text)
    except json.JSONDecodeError:
        return  # the validation responds to it, and to other content types
    except UnicodeError as error:
        raise InvalidInputError("the body is not UTF-8") from error
    except ValueError as error:
        raise InvalidInputError(f"the body cannot be read: {error}") from error


def read_event[Model: BaseModel](model: type[Model], event: Mapping[str, Any], what: str) -> Model:
    """`what` names it in the error. Raises InvalidEventError."""
    try:
        return model.model_validate(event)
    except ValidationError as error:
        raise InvalidEventError(f"not {what}: {describe(error)}") from error
