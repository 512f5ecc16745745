"""The answers of SageMaker's built-in Object Detection algorithm as detections ("Object Detection Request and
Response Formats", SageMaker guide).

Two forms: `{"prediction": [[class_index, score, xmin, ymin, xmax, ymax], …]}` with corners as ratios, and, for
`Accept: application/json;annotation=1`, `{"image_size": […], "annotations": [{class_id, score, left, …}]}` in pixels.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from kinesight.domain.errors import DetectorAnswerError
from kinesight.domain.model import BoundingBox, Detection

_Score = Annotated[float, Field(ge=0, le=1)]
_Row = tuple[Annotated[float, Field(ge=0)], _Score, float, float, float, float]


class _Prediction(BaseModel):
    prediction: list[_Row]


class _Size(BaseModel):
    width: Annotated[float, Field(gt=0)]
    height: Annotated[float, Field(gt=0)]


class _Annotation(BaseModel):
    class_id: Annotated[float, Field(ge=0)]
    score: _Score
    left: float
    top: float
    width: float
    height: float


class _Annotations(BaseModel):
    image_size: Annotated[list[_Size], Field(min_length=1)]
    annotations: list[_Annotation]


_ANSWER: TypeAdapter[_Prediction | _Annotations] = TypeAdapter(_Prediction | _Annotations)


def detections_of_object_detection(
    body: bytes, class_labels: Sequence[str], minimum_confidence: float
) -> tuple[Detection, ...]:
    """Either form; rows under `minimum_confidence` (0 to 100) are dropped, since the algorithm returns every guess.

    A class without a name in `class_labels` is called `class-<index>`. Raises DetectorAnswerError.
    """
    try:
        answer = _ANSWER.validate_json(body)
    except ValidationError as error:
        problem = error.errors()[0]
        raise DetectorAnswerError(
            "the endpoint's answer is not that of the built-in object detection "
            f"({'.'.join(map(str, problem['loc']))}: {problem['msg']}): {body[:200]!r}"
        ) from error
    rows = _corner_rows(answer) if isinstance(answer, _Prediction) else _pixel_rows(answer)
    return tuple(
        Detection(label=_name(class_id, class_labels), confidence=100 * score, bounding_box=box)
        for class_id, score, box in rows
        if 100 * score >= minimum_confidence
    )


def _corner_rows(answer: _Prediction) -> list[tuple[float, float, BoundingBox]]:
    return [
        (class_id, score, BoundingBox(left=left, top=top, width=right - left, height=bottom - top))
        for class_id, score, left, top, right, bottom in answer.prediction
    ]


def _pixel_rows(answer: _Annotations) -> list[tuple[float, float, BoundingBox]]:
    size = answer.image_size[0]
    return [
        (
            one.class_id,
            one.score,
            BoundingBox(
                left=one.left / size.width,
                top=one.top / size.height,
                width=one.width / size.width,
                height=one.height / size.height,
            ),
        )
        for one in answer.annotations
    ]


def _name(class_id: float, class_labels: Sequence[str]) -> str:
    index = int(class_id)
    return class_labels[index] if index < len(class_labels) else f"class-{index}"
