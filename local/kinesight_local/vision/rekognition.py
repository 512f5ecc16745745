"""All of Rekognition's operations by name; DetectLabels and DetectFaces with its limits, errors and shapes.

Omitted, because OpenCV cannot compute them: landmarks, pose, quality, colors, age, emotions. A Person label has
instances, a Face label is a child of Person. Confidences are not comparable to Rekognition's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kinesight_local.vision import partial_operations
from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.custom_models import CustomModels
from kinesight_local.vision.detection import MODEL_VERSION, Detection, detect, detect_faces
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.face_collections import FaceCollections
from kinesight_local.vision.rekognition_shapes import box, face_detail
from kinesight_local.vision.request_images import image_of

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
    """The service of one local cloud, with its face collections and custom models."""

    def __init__(self) -> None:
        self._operations: Mapping[str, Callable[[Parameters], Parameters]] = {
            "DetectLabels": _detect_labels,
            "DetectFaces": _detect_faces,
            **partial_operations.OPERATIONS,
            **FaceCollections().operations(),
            **CustomModels().operations(),
        }

    def call(self, operation: str, parameters: Parameters) -> Parameters:
        """The response of an operation. Raises VisionError."""
        if operation not in self._operations:
            raise VisionError("UnknownOperationException", f"The local vision service does not support {operation}.")
        return self._operations[operation](parameters)


def _detect_labels(request: Parameters) -> Parameters:
    least = fields.number(request, "MinConfidence", _DEFAULT_LABEL_CONFIDENCE)
    most = int(fields.number(request, "MaxLabels", 1000, fields.LARGEST_NUMBER))
    found = [one for one in detect(image_of(request)) if one.confidence >= least]
    labels = [_label(name, found) for name in _names(found)]
    return {
        "Labels": sorted(labels, key=lambda label: -float(label["Confidence"]))[:most],
        "LabelModelVersion": MODEL_VERSION,
    }


def _detect_faces(request: Parameters) -> Parameters:
    return {"FaceDetails": [face_detail(one) for one in detect_faces(image_of(request))[:_MOST_FACES]]}


def _names(found: list[Detection]) -> list[str]:
    """Labels of the detections and their parents: a face implies a person."""
    names = {one.label for one in found}
    return sorted(names | {parent for name in names for parent in _PARENTS[name] if parent in _PARENTS})


def _label(name: str, found: list[Detection]) -> Parameters:
    """A label without detections of its own (a person implied by a face) has their confidence and no instances."""
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
