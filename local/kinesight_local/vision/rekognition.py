"""Rekognition's operations, and of them DetectLabels and DetectFaces, with its limits, errors and shapes.

Left out, since OpenCV can't tell: landmarks, pose, quality, colours, age, emotions. A Person label has instances, a
Face label is a child of Person; the confidence is this service's own, not comparable to Rekognition's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kinesight_local.vision import partly_seen
from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.answers import box, face_detail
from kinesight_local.vision.custom_models import CustomModels
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.face_collections import FaceCollections
from kinesight_local.vision.images import picture_of
from kinesight_local.vision.looking import MODEL_VERSION, Found, look, look_for_faces

Parameters = dict[str, Any]

_DEFAULT_LABEL_CONFIDENCE = 55.0
_MOST_FACES = 100
_PARENTS = {
    "Face": ["Head", "Person"],
    "Person": [],
    "Cat": ["Animal", "Mammal", "Pet"],
    "License Plate": ["Transportation", "Vehicle"],
}
_CATEGORIES = {
    "Face": "Person Description",
    "Person": "Person Description",
    "Cat": "Animals and Pets",
    "License Plate": "Vehicles and Automotive",
}


class Rekognition:
    """Holds the face collections and the custom models of one local cloud."""

    def __init__(self) -> None:
        self._operations: Mapping[str, Callable[[Parameters], Parameters]] = {
            "DetectLabels": _detect_labels,
            "DetectFaces": _detect_faces,
            **partly_seen.OPERATIONS,
            **FaceCollections().operations(),
            **CustomModels().operations(),
        }

    def call(self, operation: str, parameters: Parameters) -> Parameters:
        """Raises VisionError."""
        if operation not in self._operations:
            raise VisionError("UnknownOperationException", f"The local vision service does not have {operation}.")
        return self._operations[operation](parameters)


def _detect_labels(wanted: Parameters) -> Parameters:
    least = fields.number(wanted, "MinConfidence", _DEFAULT_LABEL_CONFIDENCE)
    most = int(fields.number(wanted, "MaxLabels", 1000, fields.LARGEST_NUMBER))
    found = [one for one in look(picture_of(wanted)) if one.confidence >= least]
    labels = [_label(name, found) for name in _names(found)]
    return {
        "Labels": sorted(labels, key=lambda label: -float(label["Confidence"]))[:most],
        "LabelModelVersion": MODEL_VERSION,
    }


def _detect_faces(wanted: Parameters) -> Parameters:
    return {"FaceDetails": [face_detail(one) for one in look_for_faces(picture_of(wanted))[:_MOST_FACES]]}


def _names(found: list[Found]) -> list[str]:
    """What is seen, and what that is a kind of: a face is a person's."""
    names = {one.label for one in found}
    return sorted(names | {parent for name in names for parent in _PARENTS[name] if parent in _PARENTS})


def _label(name: str, found: list[Found]) -> Parameters:
    """A label that only follows from others (a person from a face) has their confidence and no instances."""
    instances = [one for one in found if one.label == name]
    confidence = max(one.confidence for one in instances or found if one.label == name or name in _PARENTS[one.label])
    return {
        "Name": name,
        "Confidence": confidence,
        "Instances": [{"BoundingBox": box(one), "Confidence": one.confidence} for one in instances],
        "Parents": [{"Name": parent} for parent in _PARENTS[name]],
        "Aliases": [],
        "Categories": [{"Name": _CATEGORIES[name]}],
    }
