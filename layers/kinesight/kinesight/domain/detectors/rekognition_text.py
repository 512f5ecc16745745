"""DetectText's lines and words as detections, and the licence plates among them.

A line is labelled `Text Line`, a word `Text Word`, a plate `License Plate` besides. Text is in the attribute `text`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.rekognition_output import box_of
from kinesight.domain.model import Detection

PLATE = "License Plate"

_LABELS = {"LINE": "Text Line", "WORD": "Text Word"}


def detections_of_texts(
    texts: Sequence[Mapping[str, Any]], plates: PlateRules, minimum_confidence: float
) -> tuple[Detection, ...]:
    """`minimum_confidence`, 0 to 100, holds for lines and words alike."""
    sure = [text for text in texts if text["Confidence"] >= minimum_confidence]
    return (*(_text(text) for text in sure), *_plates(sure, plates))


def _text(text: Mapping[str, Any]) -> Detection:
    attributes = {"text": text["DetectedText"], "id": text.get("Id"), "parentId": text.get("ParentId")}
    return _detection(_LABELS[text["Type"]], text, attributes)


def _plates(texts: Sequence[Mapping[str, Any]], plates: PlateRules) -> Iterator[Detection]:
    """A plate with a gap is one line of several words; the words of a line that is a plate are skipped."""
    if not plates.is_set:
        return
    plate_lines: set[Any] = set()
    for text in sorted(texts, key=lambda one: one["Type"] != "LINE"):
        found = None if text.get("ParentId") in plate_lines else plates.find(text["DetectedText"])
        if found is None:
            continue
        if text["Type"] == "LINE":
            plate_lines.add(text.get("Id"))
        yield _detection(PLATE, text, {"text": found.text, "knownPlate": found.known_plate, "distance": found.distance})


def _detection(label: str, text: Mapping[str, Any], attributes: dict[str, Any]) -> Detection:
    geometry = text.get("Geometry") or {}
    return Detection(
        label=label,
        confidence=text["Confidence"],
        bounding_box=box_of(geometry.get("BoundingBox")),
        attributes=attributes,
    )
