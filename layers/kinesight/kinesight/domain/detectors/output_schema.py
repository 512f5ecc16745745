"""The declared form of a model's JSON output: JMESPath expressions (jmespath.org) that name its parts.

A mapping is one form, or a list of forms of which the first counts whose rows are there:

    {"rows": "predictions",                     the list of detections, by an expression over the output; or
             {"score": "scores", "box": "boxes"} columns, lists of one length that become rows with these names
     "label": "class_id",                       per row: the class, index or word; left out, the row's own position
     "score": "score", "scoreScale": 1,         per row: how sure, 0 to 1 or 0 to 100
     "box": "bbox", "boxForm": "CORNERS",       per row: four numbers, or nothing
     "boxUnit": "PIXEL",                        pixels or ratios …
     "size": "image.[width, height]",           … of this size in the output, or of the image that was sent
     "attributes": {"track": "track_id"},       per row: what else is kept
     "top": 5}                                  only so many, of the highest confidence
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from jmespath.exceptions import JMESPathError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from kinesight.domain.detectors.bounded_jmespath import BoundedInterpreter, UnboundedExpressionError, compiled
from kinesight.domain.errors import ModelOutputError

BoxForm = Literal["CORNERS", "LEFT_TOP_WIDTH_HEIGHT", "CENTER_WIDTH_HEIGHT"]


class Expression:
    """A compiled JMESPath expression, with its text for messages."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError."""
        self._compiled = compiled(text)
        self.text = text

    def search(self, value: Any) -> Any:
        """Raises ModelOutputError where a function of the expression does not take what it meets."""
        try:
            return BoundedInterpreter().visit(self._compiled, value)
        except (JMESPathError, UnboundedExpressionError) as error:
            raise ModelOutputError(f"{self.text!r} fails: {error}") from error


def _compiled(value: Any) -> Any:
    return Expression(value) if isinstance(value, str) else value


_Path = Annotated[Expression, BeforeValidator(_compiled)]


class Form(BaseModel):
    """One form of output; the fields are described at the top of this module."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True, arbitrary_types_allowed=True
    )

    rows: _Path | dict[str, _Path]
    label: _Path | None = None
    score: _Path
    score_scale: Literal[1, 100] = 1
    box: _Path | None = None
    box_form: BoxForm = "CORNERS"
    box_unit: Literal["RATIO", "PIXEL"] = "RATIO"
    size: _Path | None = None
    attributes: dict[str, _Path] = Field(default_factory=dict)
    top: int | None = Field(default=None, ge=1)

    @property
    def needs_sent_size(self) -> bool:
        """Whether boxes are in pixels of the image that was sent."""
        return self.box is not None and self.box_unit == "PIXEL" and self.size is None


@dataclass(frozen=True, slots=True)
class OutputMapping:
    """`name` is used in messages."""

    name: str
    forms: tuple[Form, ...]

    @property
    def needs_sent_size(self) -> bool:
        """Whether the size of the image that was sent must be known."""
        return any(form.needs_sent_size for form in self.forms)
