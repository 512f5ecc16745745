"""Operations that OpenCV's models support partly or not at all. Fields that they cannot compute are empty.

| operation | response |
|---|---|
| DetectProtectiveEquipment | people and their boxes; no body parts, so their equipment is indeterminate |
| DetectModerationLabels | no labels |
| DetectText | no text: the package contains no text recognition |

Requests and images are validated as for every other operation.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.detection import MODEL_VERSION, Detection, people
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.rekognition_shapes import box
from kinesight_local.vision.request_images import image_of

Parameters = dict[str, Any]

_EQUIPMENT_SIDES_PX = (64, 4096)
_EQUIPMENT = ("FACE_COVER", "HAND_COVER", "HEAD_COVER")
_MOST_PEOPLE = 15


def _protective_equipment(request: Parameters) -> Parameters:
    summary = fields.structure(request, "SummarizationAttributes")
    required = summary.get("RequiredEquipmentTypes", ())
    if summary and not all(item in _EQUIPMENT for item in required):
        raise VisionError("InvalidParameterException", f"RequiredEquipmentTypes must be of {', '.join(_EQUIPMENT)}.")
    found = sorted(people(image_of(request, _EQUIPMENT_SIDES_PX)), key=lambda one: -one.confidence)[:_MOST_PEOPLE]
    persons = [
        {"Id": number, "BoundingBox": box(one), "Confidence": one.confidence, "BodyParts": []}
        for number, one in enumerate(found)
    ]
    return {
        "ProtectiveEquipmentModelVersion": MODEL_VERSION,
        "Persons": persons,
        **({"Summary": _summary(found, summary)} if summary else {}),
    }


def _summary(found: list[Detection], request: Parameters) -> Parameters:
    least = fields.number(request, "MinConfidence", 50)
    return {
        "PersonsWithRequiredEquipment": [],
        "PersonsWithoutRequiredEquipment": [],
        "PersonsIndeterminate": [number for number, one in enumerate(found) if one.confidence >= least],
    }


def _moderation_labels(request: Parameters) -> Parameters:
    fields.number(request, "MinConfidence", 50)
    image_of(request)
    return {"ModerationLabels": [], "ModerationModelVersion": MODEL_VERSION, "ContentTypes": []}


def _text(request: Parameters) -> Parameters:
    fields.number(fields.structure(fields.structure(request, "Filters"), "WordFilter"), "MinConfidence", 80)
    image_of(request)
    return {"TextDetections": [], "TextModelVersion": MODEL_VERSION}


OPERATIONS: Mapping[str, Callable[[Parameters], Parameters]] = {
    "DetectProtectiveEquipment": _protective_equipment,
    "DetectModerationLabels": _moderation_labels,
    "DetectText": _text,
}
"""By operation name. Each raises VisionError."""
