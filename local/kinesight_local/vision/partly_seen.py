"""Operations that OpenCV's small models answer in part or not at all. What they can't tell is empty, never guessed.

| operation | answer |
|---|---|
| DetectProtectiveEquipment | people and where they are; no body parts, so what they wear is undetermined |
| DetectModerationLabels | no labels |
| DetectText | no text: the package brings no model that reads |

Requests and pictures are checked as for every other operation.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.answers import box
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.images import picture_of
from kinesight_local.vision.looking import MODEL_VERSION, Found, people

Parameters = dict[str, Any]

_EQUIPMENT_SIDES_PX = (64, 4096)
_EQUIPMENT = ("FACE_COVER", "HAND_COVER", "HEAD_COVER")
_MOST_PEOPLE = 15


def _protective_equipment(wanted: Parameters) -> Parameters:
    summary = fields.structure(wanted, "SummarizationAttributes")
    required = summary.get("RequiredEquipmentTypes", ())
    if summary and not all(item in _EQUIPMENT for item in required):
        raise VisionError("InvalidParameterException", f"RequiredEquipmentTypes are of {', '.join(_EQUIPMENT)}.")
    found = sorted(people(picture_of(wanted, _EQUIPMENT_SIDES_PX)), key=lambda one: -one.confidence)[:_MOST_PEOPLE]
    persons = [
        {"Id": number, "BoundingBox": box(one), "Confidence": one.confidence, "BodyParts": []}
        for number, one in enumerate(found)
    ]
    return {
        "ProtectiveEquipmentModelVersion": MODEL_VERSION,
        "Persons": persons,
        **({"Summary": _summary(found, summary)} if summary else {}),
    }


def _summary(found: list[Found], wanted: Parameters) -> Parameters:
    least = fields.number(wanted, "MinConfidence", 50)
    return {
        "PersonsWithRequiredEquipment": [],
        "PersonsWithoutRequiredEquipment": [],
        "PersonsIndeterminate": [number for number, one in enumerate(found) if one.confidence >= least],
    }


def _moderation_labels(wanted: Parameters) -> Parameters:
    fields.number(wanted, "MinConfidence", 50)
    picture_of(wanted)
    return {"ModerationLabels": [], "ModerationModelVersion": MODEL_VERSION, "ContentTypes": []}


def _text(wanted: Parameters) -> Parameters:
    fields.number(fields.structure(fields.structure(wanted, "Filters"), "WordFilter"), "MinConfidence", 80)
    picture_of(wanted)
    return {"TextDetections": [], "TextModelVersion": MODEL_VERSION}


OPERATIONS: Mapping[str, Callable[[Parameters], Parameters]] = {
    "DetectProtectiveEquipment": _protective_equipment,
    "DetectModerationLabels": _moderation_labels,
    "DetectText": _text,
}
"""By Rekognition's names. Each raises VisionError."""
