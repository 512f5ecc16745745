"""Amazon Rekognition's answers as detections. Boxes there are already ratios, confidence already 0 to 100."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kinesight.domain.model import BoundingBox, Detection

_FACE_DETAILS = ("AgeRange", "Gender", "Smile", "Eyeglasses", "Sunglasses", "Emotions", "Pose", "Quality")


def detections_of_labels(labels: Sequence[Mapping[str, Any]]) -> tuple[Detection, ...]:
    """One detection per instance of a label, and one without a box for a label that has no instance."""
    return tuple(found for label in labels for found in _label(label))


def _label(label: Mapping[str, Any]) -> Iterator[Detection]:
    attributes = {"parents": [parent["Name"] for parent in label.get("Parents") or ()]}
    instances = label.get("Instances") or ()
    for instance in instances:
        yield Detection(
            label=label["Name"],
            confidence=instance.get("Confidence", label["Confidence"]),
            bounding_box=_box(instance.get("BoundingBox")),
            attributes=attributes,
        )
    if not instances:
        yield Detection(label=label["Name"], confidence=label["Confidence"], attributes=attributes)


def detections_of_faces(faces: Sequence[Mapping[str, Any]]) -> tuple[Detection, ...]:
    """One detection with the label Face per face; whatever else was said about it becomes its attributes."""
    return tuple(
        Detection(
            label="Face",
            confidence=face["Confidence"],
            bounding_box=_box(face.get("BoundingBox")),
            attributes={name: face[name] for name in _FACE_DETAILS if name in face},
        )
        for face in faces
    )


def _box(box: Mapping[str, float] | None) -> BoundingBox | None:
    if not box:
        return None
    return BoundingBox(left=box["Left"], top=box["Top"], width=box["Width"], height=box["Height"])
