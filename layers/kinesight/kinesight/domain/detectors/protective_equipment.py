"""Who lacks which protective equipment, from DetectProtectiveEquipment's people and what covers them.

| label | when |
|---|---|
| Person without Required Equipment | a body part is seen that lacks what is required for it |
| Person with Required Equipment | for every required item a body part is seen, and all that are seen are covered |
| Person | neither: no such part is seen, as of someone who turns away |

The items are in the attributes `missing`, `worn` and `undetermined`, so that `Labels` filters by the label alone.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from kinesight.domain.detectors.rekognition_output import box_of
from kinesight.domain.model import Detection

LACKING = "Person without Required Equipment"
EQUIPPED = "Person with Required Equipment"
UNDETERMINED = "Person"


class Equipment(StrEnum):
    """The items that Rekognition knows (API_ProtectiveEquipmentSummarizationAttributes)."""

    HEAD_COVER = "HEAD_COVER"
    FACE_COVER = "FACE_COVER"
    HAND_COVER = "HAND_COVER"


_PARTS = {
    Equipment.HEAD_COVER: frozenset({"HEAD"}),
    Equipment.FACE_COVER: frozenset({"FACE"}),
    Equipment.HAND_COVER: frozenset({"LEFT_HAND", "RIGHT_HAND"}),
}


def detections_of_equipment(
    persons: Sequence[Mapping[str, Any]], required: Sequence[Equipment], minimum_confidence: float
) -> tuple[Detection, ...]:
    """One detection per person. `minimum_confidence`, 0 to 100, holds for people, body parts and items alike."""
    return tuple(
        _detection_of(person, required, minimum_confidence)
        for person in persons
        if person["Confidence"] >= minimum_confidence
    )


def _detection_of(person: Mapping[str, Any], required: Sequence[Equipment], least: float) -> Detection:
    parts = [part for part in person.get("BodyParts") or () if part["Confidence"] >= least]
    states = {item: _is_worn(item, parts, least) for item in required}
    missing, worn, undetermined = (
        [item.value for item, state in states.items() if state is one] for one in (False, True, None)
    )
    return Detection(
        label=LACKING if missing else UNDETERMINED if undetermined else EQUIPPED,
        confidence=person["Confidence"],
        bounding_box=box_of(person.get("BoundingBox")),
        attributes={"missing": missing, "worn": worn, "undetermined": undetermined, "personId": person.get("Id")},
    )


def _is_worn(item: Equipment, parts: Sequence[Mapping[str, Any]], least: float) -> bool | None:
    """None if no body part is visible that decides it."""
    seen = [part for part in parts if part["Name"] in _PARTS[item]]
    return all(_covers(item, part, least) for part in seen) if seen else None


def _covers(item: Equipment, part: Mapping[str, Any], least: float) -> bool:
    """A mask below the chin is detected, and does not cover."""
    return any(
        found["Type"] == item and found["Confidence"] >= least and (found.get("CoversBodyPart") or {}).get("Value")
        for found in part.get("EquipmentDetections") or ()
    )
