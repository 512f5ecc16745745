"""Parses KVS notifications that SNS delivers (developer guide, "Notifications in Kinesis Video Streams")."""

from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_pascal

from kinesight.domain.errors import InvalidEventError
from kinesight.domain.json_text import InvalidJsonError, parse_json
from kinesight.domain.model import EpochMs, FragmentNumber, Selector
from kinesight.domain.on_demand.executions import stream_name_of
from kinesight.domain.plain_values import describe

_LATEST_IN_SECONDS = 20_000_000_000


def _milliseconds(value: Any) -> Any:
    """Returns milliseconds. The guide does not specify the unit: values after the year 2603 in seconds are
    milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number of seconds or milliseconds since 1970")
    if isinstance(value, int) or isfinite(value):
        return round(value if abs(value) >= _LATEST_IN_SECONDS else value * 1000)
    return value


_Moment = Annotated[EpochMs, BeforeValidator(_milliseconds)]


class _Notification(BaseModel):
    model_config = ConfigDict(alias_generator=to_pascal, defer_build=True)

    stream_arn: str
    fragment_number: FragmentNumber
    fragment_start_producer_timestamp: _Moment
    fragment_start_server_timestamp: _Moment


@dataclass(frozen=True, slots=True)
class NotifiedFragment:
    """A fragment that its producer tagged; `start_ms` is its selected timestamp in epoch milliseconds."""

    stream_arn: str
    fragment_number: str
    start_ms: int


def parse_notification(body: str, selector: Selector) -> NotifiedFragment:
    """Parses an SQS message: an SNS envelope, or a notification alone (raw delivery). Raises InvalidEventError."""
    try:
        document = parse_json(body)
        if isinstance(document, dict) and isinstance(document.get("Message"), str):
            document = parse_json(document["Message"])
        notice = _Notification.model_validate(document)
    except (ValidationError, InvalidJsonError) as error:
        problem = describe(error) if isinstance(error, ValidationError) else error
        raise InvalidEventError(f"not a KVS notification: {problem}") from error
    if stream_name_of(notice.stream_arn) is None:
        raise InvalidEventError(f"not a stream ARN: {notice.stream_arn!r}")
    by_producer = selector == "PRODUCER_TIMESTAMP"
    return NotifiedFragment(
        notice.stream_arn,
        notice.fragment_number,
        notice.fragment_start_producer_timestamp if by_producer else notice.fragment_start_server_timestamp,
    )
