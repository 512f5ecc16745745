"""The declared form of a model's JSON answer: JMESPath expressions (jmespath.org) that name its parts.

A mapping is one form, or a list of forms of which the first counts whose rows are there:

    {"rows": "predictions",                     the list of detections, by an expression over the answer; or
             {"score": "scores", "box": "boxes"} columns, lists of one length that become rows with these names
     "label": "class_id",                       per row: the class, index or word; left out, the row's own position
     "score": "score", "scoreScale": 1,         per row: how sure, 0 to 1 or 0 to 100
     "box": "bbox", "boxForm": "CORNERS",       per row: four numbers, or nothing
     "boxUnit": "PIXEL",                        pixels or ratios …
     "size": "image.[width, height]",           … of this size in the answer, or of the picture that was sent
     "attributes": {"track": "track_id"},       per row: what else is kept
     "top": 5}                                  only the surest so many
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from kinesight.domain.errors import DetectorAnswerError, InvalidSettingError

BoxForm = Literal["CORNERS", "LEFT_TOP_WIDTH_HEIGHT", "CENTER_WIDTH_HEIGHT"]


class Expression:
    """A compiled JMESPath expression, with its text for messages."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError."""
        try:
            self._compiled = jmespath.compile(text)  # type: ignore[no-untyped-call]  # jmespath has no types
        except JMESPathError as error:
            raise ValueError(f"{text!r} is no JMESPath expression: {error}") from error
        self.text = text

    def search(self, value: Any) -> Any:
        """Raises DetectorAnswerError where a function of the expression does not take what it meets."""
        try:
            return self._compiled.search(value)
        except JMESPathError as error:
            raise DetectorAnswerError(f"{self.text!r} fails: {error}") from error


def _compiled(value: Any) -> Any:
    return Expression(value) if isinstance(value, str) else value


_Path = Annotated[Expression, BeforeValidator(_compiled)]


class Form(BaseModel):
    """One form of answers; the fields are told at the top of this module."""

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
        """Whether boxes are in pixels of the picture that was sent."""
        return self.box is not None and self.box_unit == "PIXEL" and self.size is None


@dataclass(frozen=True, slots=True)
class AnswerMapping:
    """`name` tells it in messages."""

    name: str
    forms: tuple[Form, ...]

    @property
    def needs_sent_size(self) -> bool:
        """Whether the size of the picture that was sent must be known."""
        return any(form.needs_sent_size for form in self.forms)


def mapping_of(text: str) -> AnswerMapping:
    """The ready-made mapping of this name, or a mapping as JSON. Raises InvalidSettingError that names the field."""
    wanted = text.strip()
    if wanted in READY_MADE:
        return AnswerMapping(wanted, _forms(READY_MADE[wanted]))
    if not wanted.startswith(("{", "[")):
        raise InvalidSettingError(f"there is no ready-made mapping {wanted[:60]!r}; there are {', '.join(READY_MADE)}")
    try:
        return AnswerMapping("ModelMapping", _forms(json.loads(wanted)))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InvalidSettingError(f"ModelMapping: {problems}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidSettingError(f"ModelMapping is no JSON: {error}") from error


def _forms(document: Any) -> tuple[Form, ...]:
    if document == []:
        raise InvalidSettingError("ModelMapping is an empty list")
    return tuple(Form.model_validate(one) for one in (document if isinstance(document, list) else [document]))


_PIXELS = {"boxUnit": "PIXEL"}
_LIST = "not_null(predictions, detections, [*])"
"""Servers differ in whether they wrap their list."""

READY_MADE: Mapping[str, Any] = MappingProxyType(
    {
        # "Object Detection Request and Response Formats" (SageMaker guide): by Accept, corners or pixels.
        "BUILT_IN_OBJECT_DETECTION": [
            {"rows": "prediction", "label": "[0]", "score": "[1]", "box": "[2:]"},
            {
                "rows": "annotations",
                "label": "class_id",
                "score": "score",
                "box": "[left, top, width, height]",
                "boxForm": "LEFT_TOP_WIDTH_HEIGHT",
                "size": "image_size[0].[width, height]",
                **_PIXELS,
            },
        ],
        # "Image Classification Request and Response Formats" (SageMaker guide): a probability per class.
        "BUILT_IN_IMAGE_CLASSIFICATION": {"rows": "@", "score": "@", "top": 5},
        # "Results format" (cocodataset.org).
        "COCO": {
            "rows": _LIST,
            "label": "category_id",
            "score": "score",
            "box": "bbox",
            "boxForm": "LEFT_TOP_WIDTH_HEIGHT",
            **_PIXELS,
        },
        "YOLO": {
            "rows": _LIST,
            "label": "class",
            "score": "confidence",
            "box": "not_null(box, bbox)",
            "boxForm": "CENTER_WIDTH_HEIGHT",
        },
        "YOLO_PIXELS": {
            "rows": _LIST,
            "label": "class",
            "score": "confidence",
            "box": "not_null(box, bbox)",
            "boxForm": "CENTER_WIDTH_HEIGHT",
            **_PIXELS,
        },
        # What Ultralytics' Results.to_json() writes.
        "ULTRALYTICS": {
            "rows": _LIST,
            "label": "not_null(name, class)",
            "score": "confidence",
            "box": "box.[x1, y1, x2, y2]",
            **_PIXELS,
        },
        # torchvision.models.detection: columns, of one picture, alone or in a batch of one.
        "TORCHVISION": [
            {"rows": {"box": f"{path}boxes", "label": f"{path}labels", "score": f"{path}scores"}, **row, **_PIXELS}
            for path in ("", "[0].")
            for row in ({"label": "label", "score": "score", "box": "box"},)
        ],
        # What the Bedrock detector has its model report.
        "BEDROCK": {
            "rows": "objects",
            "label": "label",
            "score": "confidence",
            "scoreScale": 100,
            "box": "box.[left, top, width, height]",
            "boxForm": "LEFT_TOP_WIDTH_HEIGHT",
        },
        # The object-detection pipeline of transformers.
        "HUGGING_FACE": {
            "rows": _LIST,
            "label": "label",
            "score": "score",
            "box": "box.[xmin, ymin, xmax, ymax]",
            **_PIXELS,
        },
    }
)
