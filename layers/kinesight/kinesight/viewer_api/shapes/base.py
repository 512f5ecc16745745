"""Base class and types of all shapes; the shape of errors."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from kinesight.domain.model import Value

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Link = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class Shape(Value):
    """A response has no fields other than these."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True, extra="forbid")


class Problem(Shape):
    """`code` is for programs, `message` for users; `problems` lists the problems of a document or a request, each with
    its location."""

    code: str
    message: str
    problems: list[str] = Field(default=[])


class Error(Shape):
    """Reason of a 4xx or 5xx response."""

    error: Problem
