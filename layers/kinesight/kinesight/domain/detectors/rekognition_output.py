"""Amazon Rekognition's output as detections. Boxes there are already ratios, confidence already 0 to 100."""

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
            bounding_box=box_of(instance.get("BoundingBox")),
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
            bounding_box=box_of(face.get("BoundingBox")),
            attributes={name: face[name] for name in _FACE_DETAILS if name in face},
        )
        for face in faces
    )


def detections_of_face_search(output: Mapping[str, Any]) -> tuple[Detection, ...]:
    """The searched face, which is the largest of the image: whose it is by its best match, or `known` False."""
    if not output.get("SearchedFaceBoundingBox"):
        return ()
    matches = [_match(one) for one in output.get("FaceMatches") or ()]
    best: Mapping[str, Any] = matches[0] if matches else {}
    others = {"otherMatches": matches[1:]} if matches[1:] else {}
    return (
        Detection(
            label="Face",
            confidence=output["SearchedFaceConfidence"],
            bounding_box=box_of(output["SearchedFaceBoundingBox"]),
            attributes={"known": bool(matches), **best, **others},
        ),
    )


def _match(match: Mapping[str, Any]) -> dict[str, Any]:
    face = match["Face"]
    return {
        "faceId": face["FaceId"],
        "externalImageId": face.get("ExternalImageId"),
        "similarity": match["Similarity"],
    }


def detections_of_moderation(labels: Sequence[Mapping[str, Any]]) -> tuple[Detection, ...]:
    """One detection per label, without a box: Rekognition judges the whole image."""
    return tuple(
        Detection(
            label=label["Name"],
            confidence=label["Confidence"],
            attributes={
                "parents": [label["ParentName"]] if label.get("ParentName") else [],
                "taxonomyLevel": label.get("TaxonomyLevel"),
            },
        )
        for label in labels
    )


def detections_of_custom_labels(labels: Sequence[Mapping[str, Any]]) -> tuple[Detection, ...]:
    """One detection per label; models that classify whole images give no box."""
    return tuple(
        Detection(
            label=label["Name"],
            confidence=label["Confidence"],
            bounding_box=box_of((label.get("Geometry") or {}).get("BoundingBox")),
        )
        for label in labels
    )


def box_of(box: Mapping[str, float] | None) -> BoundingBox | None:
    """None where Rekognition gave none."""
    if not box:
        return None
    return BoundingBox(left=box["Left"], top=box["Top"], width=box["Width"], height=box["Height"])
