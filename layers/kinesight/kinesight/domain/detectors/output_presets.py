"""Output mappings: presets by name for common models, or declared as JSON."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from kinesight.domain.detectors.output_schema import Form, OutputMapping
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.json_text import InvalidJsonError, parse_json


def output_mapping(text: str) -> OutputMapping:
    """The preset of this name, or a mapping as JSON. Raises InvalidSettingError that names the field."""
    name = text.strip()
    if name in PRESETS:
        return OutputMapping(name, _forms(PRESETS[name]))
    if not name.startswith(("{", "[")):
        raise InvalidSettingError(f"modelMapping: there is no preset {name[:60]!r}; there are {', '.join(PRESETS)}")
    try:
        return OutputMapping("modelMapping", _forms(parse_json(name)))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InvalidSettingError(f"modelMapping: {problems}") from error
    except InvalidJsonError as error:
        raise InvalidSettingError(f"modelMapping is not valid JSON: {error}") from error


def _forms(document: Any) -> tuple[Form, ...]:
    if document == []:
        raise InvalidSettingError("modelMapping is an empty list")
    return tuple(Form.model_validate(one) for one in (document if isinstance(document, list) else [document]))


_PIXELS = {"boxUnit": "PIXEL"}
_LIST = "not_null(predictions, detections, [*])"
"""Servers differ in whether they wrap their list in an object."""

PRESETS: Mapping[str, Any] = MappingProxyType(
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
        # torchvision.models.detection: columns, of one image, alone or in a batch of one.
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
